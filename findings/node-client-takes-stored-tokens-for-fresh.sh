#!/bin/sh
# pipedrive 33.7.0, Pipedrive's official client for Node.js (seen on 20.20.2), counts a stored OAuth token as fresh for
# another hour from the moment when it is read, however old it is. Its README stores the whole token and gives it to
# `updateToken` at the next start; the promised automatic refresh does not come, and every call fails with 401.
#
# Seen: a token issued 2 hours ago, valid for 3599 s, with its `expires_at`
#       requests: GET /api/v2/deals with the old token; no POST /oauth/token
#       rejected: {"success":false,"error":"Invalid token: access token is invalid","errorCode":401}
# Why: `updateToken` computes `expiresAt` as now + `expires_in` and reads no time from the token; nothing refreshes
# after a 401.
# Set `oauth.expiresAt` yourself after `updateToken`, or call `tokenRefresh()` at the start.
#
# Exits 1 if this has changed. Needs node and npm with a package index; its server listens on 127.0.0.1 only.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund pipedrive@33.7.0 >/dev/null
timeout 60 node - <<'NODE'
const http = require('http');
const { Configuration, DealsApi, OAuth2Configuration } = require('pipedrive/v2');

const requests = [];
const server = http.createServer((request, response) => {
  requests.push(`${request.method} ${request.url}`);
  const isFresh = request.headers.authorization === 'Bearer new';
  const refused = { success: false, error: 'Invalid token: access token is invalid', errorCode: 401 };
  response.setHeader('content-type', 'application/json');
  if (request.url === '/oauth/token') {
    response.end(JSON.stringify({ access_token: 'new', refresh_token: 'second', expires_in: 3599 }));
  } else {
    response.statusCode = isFresh ? 200 : 401;
    response.end(JSON.stringify(isFresh ? { success: true, data: [] } : refused));
  }
});

server.listen(0, '127.0.0.1', async () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  const oauth = new OAuth2Configuration({ clientId: 'id', clientSecret: 'secret', redirectUri: `${url}/back`, host: url });
  const expires_at = new Date(Date.now() - 3600 * 1000).toISOString();
  oauth.updateToken({ access_token: 'old', refresh_token: 'first', expires_in: 3599, expires_at, api_domain: url });
  const deals = new DealsApi(new Configuration({ accessToken: oauth.getAccessToken, basePath: oauth.basePath }));
  const answer = await deals.getDeals().catch((rejected) => ({ rejected }));
  console.log('requests:', requests);
  console.log('answer:  ', JSON.stringify(answer));
  process.exit(requests.join() === 'GET /api/v2/deals' && answer.rejected.errorCode === 401 ? 0 : 1);
});
NODE
