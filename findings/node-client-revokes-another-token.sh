#!/bin/sh
# pipedrive 33.7.0, Pipedrive's official client for Node.js (seen on 20.20.2): `revokeToken('access_token')` sends a
# text that is not the access token. The token stays valid, and the caller hears of success: for a token that the
# server does not know, RFC 7009 (section 2.2) asks for the answer 200.
#
# Seen: access token   v1u:AQ+/=
#       server reads   v1u%3AAQ%2B%2F%3D
#       the refresh token, sent by the same method, arrives as it is
# Valid input: Pipedrive's access tokens begin with `v1u:`, and a colon is enough.
# Why: `revokeToken` (dist/versions/v2/configuration.js) gives `encodeURIComponent(this.accessToken)` to qs.stringify,
# which encodes it again. Only the access token is treated so.
#
# Exits 1 if this has changed. Needs node and npm with a package index; its server listens on 127.0.0.1 only.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund pipedrive@33.7.0 >/dev/null
timeout 60 node - <<'NODE'
const http = require('http');
const { OAuth2Configuration } = require('pipedrive/v2');

const received = {};
const server = http.createServer((request, response) => {
  let body = '';
  request.on('data', (part) => { body += part; });
  request.on('end', () => {
    const form = new URLSearchParams(body);
    received[form.get('token_type_hint')] = form.get('token');
    response.end();
  });
});

server.listen(0, '127.0.0.1', async () => {
  const host = `http://127.0.0.1:${server.address().port}`;
  const oauth = new OAuth2Configuration({ clientId: 'id', clientSecret: 'secret', redirectUri: `${host}/back`, host });
  const token = { access_token: 'v1u:AQ+/=', refresh_token: 'r1:AQ+/=' };
  oauth.updateToken(token);
  await oauth.revokeToken('access_token');
  await oauth.revokeToken('refresh_token');
  console.log('tokens  ', JSON.stringify(token));
  console.log('received', JSON.stringify(received));
  const twice = decodeURIComponent(received.access_token) === token.access_token;
  process.exit(twice && received.access_token !== token.access_token && received.refresh_token === token.refresh_token ? 0 : 1);
});
NODE
