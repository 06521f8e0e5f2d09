"""An in-memory Firestore, on which the real repositories run in unit tests and in the fault matrix.

| module      | what                                                                          |
|-------------|-------------------------------------------------------------------------------|
| `client`    | the client: `google.cloud.firestore.Client` as far as the service uses it     |
| `calls`     | one call to Firestore, and how a test makes it fail, come late or happen twice |
| `database`  | the documents and their versions, for the client and for tests                |
| `selection` | which documents a query returns, and in which order                           |
| `writes`    | create, set, update and delete: their preconditions and their effects         |
| `fields`    | the values at field paths                                                     |
| `values`    | values as Firestore stores and orders them                                    |
| `versions`  | the moments of last changes                                                   |
| `errors`    | the errors that the server answers                                            |

The classes in `test_writes`, `test_values` and `test_queries` are the contract. They run on this Firestore
here, and on the emulator in `tests/e2e`. Whatever the service does not use raises NotImplementedError: to add
it, write its test into the contract first.

Not modelled: limits on the size of documents and fields, indexes, security rules, expiry, transactions, and
contention (`Aborted`).
"""
