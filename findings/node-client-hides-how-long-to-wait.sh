#!/bin/sh
# pipedrive 33.7.0, Pipedrive's official client for Node.js (seen on 20.20.2), rejects with the answer's body alone: a
# plain object, no Error, without the HTTP status and the headers. After a 429 its caller cannot know whether to wait 2
# seconds (burst limit) or until tomorrow (daily budget): Pipedrive says that in `retry-after` and `x-ratelimit-reset`.
#
# Seen: server    429 {"success":false,"error":"request over limit","errorCode":429}, retry-after: 7, x-ratelimit-reset: 2
#       rejected  {"success":false,"error":"request over limit","errorCode":429}; an Error: false; "7" in it: false
# Why: `errorInterceptor` (dist/versions/v2/base.js) rejects with `error.response.data`, and the API's constructor adds it
# to an axios instance of its own before anybody else can add an interceptor.
#
# Exits 1 if this has changed. Needs node and npm with a package index; its server listens on 127.0.0.1 only.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund pipedrive@33.7.0 >/dev/null
timeout 60 node - <<'NODE'
const http = require('http');
const util = require('util');
const { Configuration, DealsApi } = require('pipedrive/v2');

const refused = { success: false, error: 'request over limit', errorCode: 429 };
const server = http.createServer((request, response) => {
  response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '7', 'x-ratelimit-reset': '2' });
  response.end(JSON.stringify(refused));
});

server.listen(0, '127.0.0.1', async () => {
  const basePath = `http://127.0.0.1:${server.address().port}/api/v2`;
  const deals = new DealsApi(new Configuration({ apiKey: 'token', basePath }));
  const rejected = await deals.getDeals().then(() => 'fulfilled', (reason) => reason);
  const everything = util.inspect(rejected, { depth: null, showHidden: true });
  console.log('rejected', JSON.stringify(rejected), '; an Error:', rejected instanceof Error);
  process.exit(util.isDeepStrictEqual(rejected, refused) && !everything.includes('7') ? 0 : 1);
});
NODE
