// The Firebase CLI loads this script. Its Functions emulator keeps an idle connection to a function for five seconds,
// but the function's server (gunicorn) closes it after two. A request that is sent on a connection which is just being
// closed is answered with {"code":"ECONNRESET"}. So every request gets a connection of its own.
const http = require("node:http");

http.globalAgent = new http.Agent({ keepAlive: false });
