const http = require("node:http");

const server = http.createServer((request, response) => {
  response.end("hello from Node.js\n");
});

server.listen(8080, () => console.log("listening"));

// Accepts no new connections and finishes the open ones. Then nothing is left to do, and it exits
// with 0. Without a handler it would die of the signal: the status would be 143.
process.on("SIGTERM", () => server.close(() => console.log("stopped")));
