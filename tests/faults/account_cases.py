"""What catches each of the ``account_mutants``: the unit tests that hold the promise which it breaks."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from tests.faults import account_mutants as mutants

ACCOUNTS, CONNECTIONS, GRAPH = "unit/accounts/test_", "unit/connections/test_", "unit/graph/test_"
CALLBACK = f"{CONNECTIONS}callback.py"

CAUGHT_BY: Mapping[Callable[[], AbstractContextManager[None]], tuple[str, ...]] = {
    # Nobody reaches another's data.
    mutants.ids_of_documents_believed: (
        f"{CONNECTIONS}deletion.py::test_an_id_that_a_client_has_written_forgets_nobody_else",
    ),
    mutants.places_of_seals_believed: (
        f"{CONNECTIONS}deletion.py::test_an_account_counts_for_all_only_if_threads_has_said_its_id",
    ),
    mutants.documents_say_whom_to_connect_again: (
        f"{CALLBACK}::test_an_account_that_a_client_has_written_is_not_connected_again",
    ),
    mutants.new_ids_forget_nobody: (
        f"{CONNECTIONS}deletion.py::test_a_person_is_found_by_the_id_that_threads_has_changed",
    ),
    mutants.seals_open_anywhere: (
        f"{ACCOUNTS}sweep.py::test_planted_documents_keep_nobody_from_being_refreshed",
    ),
    mutants.planted_documents_have_their_turn: (
        f"{ACCOUNTS}sweep.py::test_planted_documents_keep_nobody_from_being_refreshed",
    ),
    mutants.odd_documents_come_back_each_hour: (
        f"{ACCOUNTS}sweep.py::test_what_a_client_has_filled_costs_its_own_turn_once_a_day",
    ),
    mutants.one_bad_document_ends_a_search: (
        f"{CONNECTIONS}deletion.py::test_slow_documents_keep_no_person_from_being_forgotten",
    ),
    mutants.whoever_writes_an_early_end_comes_first: (
        f"{ACCOUNTS}sweep.py::test_no_client_takes_the_others_turns",
        f"{ACCOUNTS}sweep.py::test_half_of_the_turns_are_nobodys_choice",
    ),
    mutants.swept_one_by_one: (f"{ACCOUNTS}sweep.py::test_a_sweep_has_many_accounts_in_hand_at_once",),
    mutants.planted_documents_waited_for: (
        f"{CONNECTIONS}deletion.py::test_records_that_make_no_sense_are_passed_over_and_named",
    ),
    mutants.planted_leases_believed: (f"{ACCOUNTS}token_lifetime.py::test_whose_turn_it_is",),
    mutants.planted_seals_keep_a_key: (f"{ACCOUNTS}reseal.py::test_what_is_no_seal_needs_no_key",),
    mutants.odd_records_stop_a_deletion: (
        f"{CONNECTIONS}deletion.py::test_records_that_make_no_sense_are_passed_over_and_named",
    ),
    # A token neither dies unseen nor is buried alive.
    mutants.one_witness_is_enough: (f"{ACCOUNTS}refresh.py::test_passing_trouble_never_disconnects",),
    mutants.the_app_is_not_asked: (
        f"{ACCOUNTS}refresh.py::test_without_a_third_answer_there_is_a_doubt",
        f"{ACCOUNTS}sweep.py::test_a_bad_hour_ends_no_account_and_is_told",
    ),
    mutants.doubts_untold: (f"{ACCOUNTS}refresh.py::test_without_a_third_answer_there_is_a_doubt",),
    mutants.one_refresh_is_enough: (
        f"{ACCOUNTS}refresh.py::test_a_bad_day_of_threads_ends_no_account",
        f"{ACCOUNTS}sweep.py::test_a_bad_hour_ends_no_account_and_is_told",
    ),
    mutants.dead_tokens_doubted: (f"{ACCOUNTS}refresh.py::test_a_dead_token_asks_for_a_reconnect",),
    mutants.ended_for_ever: (f"{ACCOUNTS}refresh.py::test_an_account_that_threads_was_wrong_about_revives",),
    mutants.ended_until_looked_at: (
        f"{ACCOUNTS}access_token.py::test_whoever_needs_an_account_that_has_ended_asks_threads",
    ),
    mutants.bad_hours_untold: (f"{ACCOUNTS}sweep.py::test_a_bad_hour_ends_no_account_and_is_told",),
    mutants.alarms_of_each_process: (f"{ACCOUNTS}repository.py::test_an_alarm_is_the_projects",),
    mutants.last_weeks_untold: (
        f"{ACCOUNTS}token_lifetime.py::test_each_day_of_the_last_week_has_one_alarm",
        f"{ACCOUNTS}refresh.py::test_the_card_says_that_the_last_weeks_refreshes_fail",
    ),
    mutants.alarms_without_a_pause: (
        f"{ACCOUNTS}token_lifetime.py::test_each_day_of_the_last_week_has_one_alarm",
    ),
    mutants.cards_active_to_the_last: (
        f"{ACCOUNTS}refresh.py::test_the_card_says_that_the_last_weeks_refreshes_fail",
    ),
    mutants.reasons_forgotten: (f"{ACCOUNTS}refresh.py::test_passing_trouble_never_disconnects",),
    mutants.asked_counts_as_granted: (
        f"{CALLBACK}::test_a_connection_does_not_fail_because_nobody_knows_what_was_granted",
    ),
    mutants.invalid_tokens_connected: (f"{CALLBACK}::test_a_token_that_is_not_valid_is_a_failed_connection",),
    mutants.unknown_scopes_stay_unknown: (
        f"{ACCOUNTS}refresh.py::test_what_nobody_knew_is_asked_with_each_refresh",
    ),
    mutants.longest_due_comes_first: (f"{ACCOUNTS}sweep.py::test_who_expires_first_comes_first",),
    mutants.urgent_accounts_wait_for_a_task: (
        f"{ACCOUNTS}sweep.py::test_who_expires_soon_does_not_wait_for_a_task",
    ),
    mutants.lifetimes_are_whole_numbers: (f"{GRAPH}oauth.py::test_a_term_is_read_in_whatever_form_it_comes",),
    mutants.tokens_without_a_lifetime_thrown_away: (
        f"{GRAPH}oauth.py::test_a_token_is_not_thrown_away_for_its_term",
    ),
    mutants.clocks_end_accounts: (f"{ACCOUNTS}refresh.py::test_it_is_tried_until_the_token_ends",),
    # Time is Firestore's.
    mutants.removals_go_by_the_machines_time: (
        f"{CONNECTIONS}clocks.py::test_a_removal_at_meta_is_about_what_was_connected_before_it",
    ),
    # Connecting ends in one truth. More of it is in F11.
    mutants.connected_once_is_connected: (
        f"{CALLBACK}::test_a_reload_says_connected_only_while_it_is_true",
        f"{CONNECTIONS}finish.py::test_the_answer_is_given_again_only_while_it_is_true",
    ),
    mutants.new_ids_are_new_accounts: (
        f"{CALLBACK}::test_a_person_whose_id_has_changed_connects_the_same_account_again",
    ),
    mutants.deleted_states_tried_again: (
        f"{CALLBACK}::test_a_state_that_is_deleted_while_its_code_is_exchanged_connects_nothing",
    ),
    # Cards are true and bounded.
    mutants.profiles_of_the_first_day: (
        f"{ACCOUNTS}profile.py::test_the_hourly_run_reads_it_after_each_refresh",
    ),
    mutants.other_persons_tokens_used: (
        f"{ACCOUNTS}profile.py::test_an_account_that_gets_another_persons_token_ends",
    ),
    mutants.half_disconnected_accounts_stay: (
        f"{CONNECTIONS}disconnect.py::test_what_a_request_has_no_time_for_is_done_by_the_sweep",
    ),
    mutants.few_disconnections_at_once: (
        f"{CONNECTIONS}disconnect.py::test_accounts_that_are_disconnected_at_once_all_go",
    ),
    mutants.cards_without_accounts_stay: (
        f"{CONNECTIONS}disconnect.py::test_a_card_without_an_account_goes",
    ),
    mutants.names_of_any_length: (f"{GRAPH}oauth.py::test_a_missing_name_is_the_other_one",),
    mutants.any_address_shown: (f"{GRAPH}oauth.py::test_a_missing_name_is_the_other_one",),
    mutants.full_cards_keep_tokens_alive: (
        f"{ACCOUNTS}repository.py::test_an_account_changes_although_its_card_has_no_room",
    ),
}
