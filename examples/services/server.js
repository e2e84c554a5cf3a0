const http = require("node:http");

const server = http.createServer((request, response) => {
  response.end("hello from Node.js\n");
});

server.listen(8080, () => console.log("listening"));

// No new connections; those that are open are finished, and then nothing is left to do: it exits
// with 0. Without a handler it would die of the signal: the status would be 143.
process.on("SIGTERM", () => server.close(() => console.log("stopped")));
