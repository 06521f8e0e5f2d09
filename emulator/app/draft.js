// The draft: what it has, what is sent of it, and what is plainly wrong with it. It is kept for each user in this
// browser, with its key. A second request with the same key is the same post, so a draft may be sent again after a
// lost answer, a reload, or an outage. Whatever changes the post changes the key.

import { state, update } from "./store.js";
import { count as counted } from "./words.js";

export const LIMIT = 500; // of a text
export const MOST_MEDIA = 20;
export const MOST_POSTS = 25;
const MOST_CHOICES = 4;
export const SAMPLES = "https://samples.example/"; // addresses of files that the Threads emulator has

// What belongs to the whole post, beside the parts of its thread.
const OPTIONS = [
  "topicTag", "replyControl", "replyApprovals", "ghost", "spoilerMedia", "replyToId", "quotePostId", "countries",
  "locationId", "shareToInstagram",
];

const newPart = () => ({ id: crypto.randomUUID(), text: "", media: [], poll: null, gif: null, link: null, long: null, spoilers: [] });

const newDraft = () => ({
  key: crypto.randomUUID(), parts: [newPart()], isLater: false, time: "", zone: localZone(), options: {}, split: false,
});

export const localZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

const place = (uid) => `draft:${uid}`;

export function openDraft(uid) {
  try {
    return { ...newDraft(), ...JSON.parse(localStorage.getItem(place(uid))) };
  } catch {
    return newDraft();
  }
}

function keep(draft) {
  if (state.user) localStorage.setItem(place(state.user.uid), JSON.stringify(draft));
  update({ draft });
}

// Changes the draft. A complaint is about an earlier one, so it goes.
export function change(changes) {
  const { tried, isSending, postId, ...draft } = state.draft;
  keep({ ...draft, ...changes, key: crypto.randomUUID(), wasTried: tried || draft.wasTried });
  update({ complaints: {}, notice: undefined });
}

// Notes that the draft is being sent, so that the page goes on with it if it is loaded again meanwhile, and that a
// changed one can warn about the first.
export const sending = () => keep({ ...state.draft, tried: true, isSending: true });

// Notes that nobody waits for the answer any more. The post may still be published.
export const stopped = (postId = state.draft.postId) => keep({ ...state.draft, isSending: false, postId });

// The post has ended without being published: the next try is another post.
export const ended = () => keep({ ...state.draft, key: crypto.randomUUID(), tried: false, isSending: false, postId: undefined });

// Begins again, or goes back to what was written before a scheduled post was opened.
export const clear = () => keep(state.draft.aside ?? { ...newDraft(), zone: state.draft.zone });

export const changePart = (index, changes) =>
  change({ parts: state.draft.parts.map((part, at) => (at === index ? { ...part, ...changes } : part)) });

export const addPart = () => change({ parts: [...state.draft.parts, newPart()], split: false });

export const removePart = (index) => change({ parts: state.draft.parts.filter((_, at) => at !== index) });

export const changeOptions = (changes) => change({ options: { ...state.draft.options, ...changes } });

// Opens the content of a post as a draft: a scheduled one to change it, another one to send it again.
export function open({ postId, content, scheduledTime }, isEditing) {
  const { thread = [], ...first } = content;
  const options = Object.fromEntries(OPTIONS.filter((name) => name in first).map((name) => [name, first[name]]));
  const draft = newDraft();
  const time = isEditing && scheduledTime ? localTime(scheduledTime, draft.zone) : "";
  const aside = state.draft.editing ? state.draft.aside : state.draft;
  keep({
    ...draft, parts: [first, ...thread].map(partOf), options, isLater: Boolean(time), time,
    ...(isEditing && { editing: postId, original: Object.keys(content), aside }),
  });
  update({ complaints: {} });
}

function partOf({ text = "", imageUrl, videoUrl, altText = "", media, poll, gif, linkAttachment, textAttachment, spoilers = [] }) {
  const single = imageUrl || videoUrl ? [{ imageUrl, videoUrl, altText }] : [];
  return {
    ...newPart(), text, spoilers, poll: poll ?? null, gif: gif?.id ?? null, link: linkAttachment ?? null,
    media: (media ?? single).map((it) => ({ url: it.imageUrl ?? it.videoUrl, isVideo: Boolean(it.videoUrl), alt: it.altText ?? "" })),
    long: textAttachment ?? null,
  };
}

// --- What is sent --------------------------------------------------------------------------------

const medium = ({ url, isVideo, alt }) => ({ [isVideo ? "videoUrl" : "imageUrl"]: url.trim(), ...(alt && { altText: alt }) });

const attached = ({ plaintext, link, styling }) => ({ plaintext, ...(link && { link }), ...(styling?.length && { styling }) });

function partContent({ text, media, poll, gif, link, long, spoilers }) {
  return {
    ...(text && { text }),
    ...(media.length === 1 && medium(media[0])),
    ...(media.length > 1 && { media: media.map(medium) }),
    ...(poll && { poll }),
    ...(gif && { gif: gif.startsWith("https:") ? gif : { id: gif } }),
    ...(link && { linkAttachment: link.trim() }),
    ...(long && { textAttachment: attached(long) }),
    ...(spoilers.length > 0 && { spoilers }),
  };
}

export function toRequest({ parts, options, split, isLater, time, zone }) {
  const given = Object.entries(options).map(([name, value]) => [name, value?.trim?.() ?? value]);
  const chosen = given.filter(([, value]) => value && value.length !== 0);
  const first = { ...partContent(parts[0]), ...Object.fromEntries(chosen) };
  const content = parts.length > 1 ? { thread: [first, ...parts.slice(1).map(partContent)] } : first;
  return {
    ...content,
    ...(split && parts.length === 1 && { split }),
    ...(isLater && time && { scheduledTime: instant(time, zone).toISOString() }),
  };
}

// What changes in a scheduled post: what it had and has no more is removed.
export function toChange(draft) {
  const request = toRequest(draft);
  const isThread = "thread" in request;
  const gone = draft.original.filter((name) => !(name in request) && !(isThread && name !== "thread"));
  return { ...request, ...Object.fromEntries(gone.map((name) => [name, null])) };
}

// --- What is plainly wrong -----------------------------------------------------------------------

// Which way of counting holds, the service has said with its last answer.
const counting = () => state.check.answer?.counts.text.counting ?? "utf8_bytes";

// How much of the limit a text takes up.
export function count(text) {
  const bytes = (it) => new TextEncoder().encode(it).length;
  const way = counting();
  if (way === "code_points") return [...text].length;
  if (way === "utf8_bytes") return bytes(text);
  const graphemes = [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment);
  return graphemes.reduce((sum, one) => sum + (/\p{Emoji_Presentation}|\uFE0F/u.test(one) ? bytes(one) : [...one].length), 0);
}

const ASCII = /^[\0-\x7f]*$/;

// In a plain English text, all ways count characters.
function tooLong(text) {
  const over = (unit) => `The text is ${counted(count(text) - LIMIT, unit)} too long`;
  if (ASCII.test(text) || counting() === "code_points") return `${over("character")}.`;
  if (counting() === "utf8_bytes") return `${over("byte")}: a letter like é counts 2, an emoji 4 or more.`;
  return `${over("character")}: an emoji counts 4 or more.`;
}

export const isSplittable = ({ parts }) => parts.length === 1 && count(parts[0].text) > LIMIT;

export const isEmpty = ({ parts }) =>
  parts.every(({ text, media, poll, gif, link, long }) => !text.trim() && !media.length && !poll && !gif && !link && !long);

// Returns why the draft cannot be sent yet, in a sentence. What only the service can know, a dry run says.
export function problem(draft) {
  const { parts, isLater, time, zone, split } = draft;
  for (const [index, part] of parts.entries()) {
    const reason = partProblem(part, split && parts.length === 1);
    if (reason) return parts.length > 1 ? `Post ${index + 1}: ${reason}` : reason;
  }
  if (isLater && !time) return "Choose a time.";
  if (isLater && instant(time, zone) < Date.now()) return "This time has passed.";
  return undefined;
}

function partProblem({ text, media, poll, gif, link, long }, isSplit) {
  if (!text.trim() && !media.length) return poll || gif || link || long ? "Write a text to go with it." : "Write something, or add a picture.";
  if (!isSplit && count(text) > LIMIT) return tooLong(text);
  if (media.some(({ url }) => !/^https:\/\/[^\s/]+\.[^\s/]+/.test(url.trim()))) return "The address of a picture or film must be public, and begin with https://.";
  if (poll && (poll.length > MOST_CHOICES || poll.some((choice) => !choice.trim()))) return "Fill in every choice of the poll.";
  if (gif !== null && !gif.trim()) return "Give the id of the GIF.";
  if (link !== null && !/^https?:\/\/[^\s/]+/.test(link.trim())) return "Give the address of the link.";
  if (long && !long.plaintext.trim()) return "Write the long text, or remove it.";
  return undefined;
}

// Which attachments can be added: Threads does not take all of them together.
export function allowed({ media, poll, gif, link, long }, ghost) {
  const isFree = !ghost && !media.length;
  return {
    media: !ghost && !poll && gif === null && link === null && !long && media.length < MOST_MEDIA,
    poll: isFree && !poll && gif === null && !long,
    gif: isFree && !poll && gif === null,
    link: isFree && link === null && !long?.link,
    long: isFree && !poll && !long,
  };
}

// --- Times in a zone -----------------------------------------------------------------------------

// A date as a datetime-local input writes it, in a zone.
export function localTime(date, zone) {
  return date.toLocaleString("sv", { timeZone: zone }).replace(" ", "T").slice(0, 16);
}

// The moment at which a clock in the zone shows this time.
export function instant(time, zone) {
  const asUtc = new Date(`${time}Z`);
  const shownAt = (date) => new Date(`${date.toLocaleString("sv", { timeZone: zone }).replace(" ", "T")}Z`);
  const first = new Date(2 * asUtc - shownAt(asUtc));
  return new Date(first - (shownAt(first) - asUtc)); // again, because the offset may change in between
}
