#!/bin/sh
# pipedrive 33.7.0, Pipedrive's official client for Node.js (seen on 20.20.2): when the access token has expired, every
# call that is under way refreshes it for itself, all with the same refresh token. `onTokenUpdate`, which the README
# advises to store tokens with, runs twice for each of them.
#
# Seen: three calls at once after the token expired
#       POST /oauth/token  3 times with the refresh token "first"
#       onTokenUpdate      6 times; the token stored last is the one that was answered last, not the one issued last
# Valid input: `Promise.all` of three reads. Pipedrive lists a refresh token "already exchanged" among its errors.
# Why: `getAccessToken` (dist/versions/v2/configuration.js) keeps no promise of a refresh under way, and calls
# `updateToken` with an answer that `tokenRefresh` has given to `updateToken` already.
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

const refreshed = [];
const server = http.createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  if (request.url !== '/oauth/token') return response.end(JSON.stringify({ success: true, data: {} }));
  let body = '';
  request.on('data', (part) => { body += part; });
  request.on('end', () => {
    refreshed.push(new URLSearchParams(body).get('refresh_token'));
    const issued = { access_token: `access ${refreshed.length}`, refresh_token: `refresh ${refreshed.length}`, expires_in: 3599 };
    setTimeout(() => response.end(JSON.stringify(issued)), 800 - 200 * refreshed.length);
  });
});

server.listen(0, '127.0.0.1', async () => {
  const host = `http://127.0.0.1:${server.address().port}`;
  const oauth = new OAuth2Configuration({ clientId: 'id', clientSecret: 'secret', redirectUri: `${host}/back`, host });
  oauth.updateToken({ access_token: 'old', refresh_token: 'first', expires_in: 3599 });
  oauth.expiresAt = Date.now() - 1;
  const stored = [];
  oauth.onTokenUpdate = (token) => stored.push(token.refresh_token);
  const deals = new DealsApi(new Configuration({ accessToken: oauth.getAccessToken, basePath: oauth.basePath }));
  await Promise.all([1, 2, 3].map((id) => deals.getDeal({ id })));
  console.log('refreshed with:', refreshed.join(', '));
  console.log('stored:        ', stored.join(', '));
  process.exit(refreshed.join() === 'first,first,first' && stored.length === 6 && stored[5] === 'refresh 1' ? 0 : 1);
});
NODE
