// Loaded into the Firebase CLI. Its Functions emulator keeps connections to a function for five seconds, the function's
// server (gunicorn) for two: a request that comes after two, on a connection that is just being closed, is answered
// with {"code":"ECONNRESET"}. So every request gets a connection of its own.
const http = require("node:http");

http.globalAgent = new http.Agent({ keepAlive: false });
