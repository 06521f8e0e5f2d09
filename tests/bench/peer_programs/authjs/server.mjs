/* Signs users in with Threads, as an app does that uses Auth.js with its Firestore adapter.
 *
 *     GRAPH_URL=… AUTHORIZE_URL=… PORT=… node server.mjs
 *
 * What differs from Auth.js' own provider for Threads: the addresses; `conform`, because Threads' answer to a code
 * has no `token_type`, which Auth.js asks for; and `profile`, because Threads' answer has no member `data`.
 */

import { ExpressAuth } from "@auth/express";
import Threads from "@auth/core/providers/threads";
import { FirestoreAdapter } from "@auth/firebase-adapter";
import express from "express";

const { AUTHORIZE_URL, GRAPH_URL, GCLOUD_PROJECT, PORT, SCOPE, THREADS_APP_ID, THREADS_APP_SECRET } = process.env;

const threads = Threads({
  clientId: THREADS_APP_ID,
  clientSecret: THREADS_APP_SECRET,
  authorization: { url: AUTHORIZE_URL, params: { scope: SCOPE } },
  token: {
    url: `${GRAPH_URL}/oauth/access_token`,
    conform: async (answer) => Response.json({ ...(await answer.json()), token_type: "bearer" }, answer),
  },
  userinfo: `${GRAPH_URL}/v1.0/me?fields=id,username,threads_profile_picture_url`,
  profile: (person) => ({ id: person.id, name: person.username, email: null, image: null }),
});

const app = express();
app.use("/auth", ExpressAuth({
  providers: [threads],
  adapter: FirestoreAdapter({ projectId: GCLOUD_PROJECT }),
  trustHost: true,
  secret: "for-a-measurement-on-loopback-only",
}));
app.listen(Number(PORT), "127.0.0.1");
