// Has Pipedrive's own client for Node make requests; prints them, and sends none.
//
//     node run_node_client.js FOLDER CALLS
//
// FOLDER holds the `node_modules` with the package `pipedrive`. CALLS is a file with a JSON list of calls: version,
// operation, given (the parameters), places (where each goes: path, query, form or body) and body_is_array.
'use strict';
const fs = require('fs');
const path = require('path');

const [folder, calls] = process.argv.slice(2);
const versions = path.join(path.resolve(folder), 'node_modules/pipedrive/dist/versions');

function operationsOf(version) {
  const found = {};
  const { Configuration } = require(path.join(versions, version, 'configuration.js'));
  const api = path.join(versions, version, 'api');
  for (const file of fs.readdirSync(api).filter((name) => name.endsWith('-api.js'))) {
    for (const [name, creator] of Object.entries(require(path.join(api, file)))) {
      if (name.endsWith('AxiosParamCreator')) Object.assign(found, creator(new Configuration({ apiKey: 'token' })));
    }
  }
  return found;
}

function plain(name) {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

function written(data) {
  if (data === undefined || data === null) return '';
  return typeof data === 'string' ? data : data instanceof URLSearchParams ? data.toString() : JSON.stringify(data);
}

async function request(operation, call) {
  const source = operation.toString();
  const names = source.slice(source.indexOf('(') + 1, source.indexOf(')')).split(',').map((name) => name.trim());
  const inBody = Object.entries(call.given).filter(([name]) => call.places[name] === 'body');
  const others = Object.fromEntries(
    Object.entries(call.given).filter(([name]) => call.places[name] !== 'body').map(([name, value]) => [plain(name), value]),
  );
  const body = call.body_is_array ? call.given.body : Object.fromEntries(inBody);
  // The body's argument is called by its type, which begins with a capital letter.
  const values = names.filter(Boolean).map((name) => (/^[A-Z]/.test(name) ? body : others[plain(name)]));
  const { url, options } = await operation(...values);
  return { method: options.method, url, type: options.headers['Content-Type'] ?? '', body: written(options.data) };
}

(async () => {
  const operations = { v1: operationsOf('v1'), v2: operationsOf('v2') };
  const requests = [];
  for (const call of JSON.parse(fs.readFileSync(calls, 'utf8'))) {
    requests.push(await request(operations[call.version][call.operation], call));
  }
  process.stdout.write(JSON.stringify({ requests }));
})();
