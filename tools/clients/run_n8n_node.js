// Run n8n's own Pipedrive node against another base URL; print how many records each resource's "get all" gives.
//
//     node n8n_node.js FOLDER URL TOKEN [RESOURCE ...]
//
// FOLDER holds n8n-nodes-base's `package/` and the `node_modules` that the node needs. n8n itself does not run: this
// gives the node its parameters, and its requests their credential, as n8n's executor does.
'use strict';
const path = require('path');
const { createRequire } = require('module');

const [folder, url, token, ...wanted] = process.argv.slice(2);
const load = createRequire(path.join(path.resolve(folder), 'package/'));
const { router } = load('./dist/nodes/Pipedrive/v2/actions/router.js');
const RESOURCES = ['activity', 'deal', 'lead', 'note', 'organization', 'person', 'product'];

async function request(_credential, options) {
  const target = new URL(options.uri.replace('https://api.pipedrive.com', url));
  for (const [name, value] of Object.entries(options.qs ?? {})) target.searchParams.set(name, value);
  const answer = await fetch(target, {
    method: options.method,
    headers: { ...options.headers, 'x-api-token': token, 'content-type': 'application/json' },
    body: options.body ? JSON.stringify(options.body) : undefined,
    signal: AbortSignal.timeout(30_000),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer.json();
}

function execution(parameters) {
  return {
    getInputData: () => [{ json: {} }],
    getNode: () => ({ name: 'Pipedrive', type: 'n8n-nodes-base.pipedrive', typeVersion: 2, parameters }),
    getNodeParameter: (name, _item, fallback) => parameters[name] ?? fallback,
    continueOnFail: () => false,
    helpers: {
      requestWithAuthentication: request,
      returnJsonArray: (data) => (Array.isArray(data) ? data : [data]).map((json) => ({ json })),
      constructExecutionMetaData: (items) => items,
    },
  };
}

async function run(resource, operation, parameters) {
  const all = { authentication: 'apiToken', resource, operation, returnAll: true, ...parameters };
  const [items] = await router.call(execution(all));
  return items.map((item) => item.json);
}

async function main() {
  const found = {};
  for (const resource of wanted.length ? wanted : RESOURCES) {
    const records = await run(resource, 'getAll', {});
    found[resource] = records.map((record) => record.id);
  }
  if (!wanted.length) {
    found.dealProduct = [];
    for (const dealId of found.deal) {
      const records = await run('dealProduct', 'getAll', { dealId });
      found.dealProduct.push(...records.map((record) => record.id));
    }
    found.written = await write();
  }
  console.log(JSON.stringify(found));
}

// A record of each kind is made, changed, read and deleted: what each step has left as its name.
async function write() {
  const steps = {};
  const kinds = {
    deal: ['title', 'dealId', { associateWith: 'person', person_id: 1 }],
    organization: ['name', 'organizationId', {}],
    person: ['name', 'personId', {}],
    product: ['name', 'productId', {}],
  };
  for (const [resource, [name, key, more]] of Object.entries(kinds)) {
    const [made] = await run(resource, 'create', { [name]: 'Made', additionalFields: {}, ...more });
    await run(resource, 'update', { [key]: made.id, updateFields: { [name]: 'Changed' } });
    const [read] = await run(resource, 'get', { [key]: made.id });
    await run(resource, 'delete', { [key]: made.id });
    steps[resource] = [made[name], read[name]];
  }
  return steps;
}

main().catch((error) => {
  console.error(error.cause?.message ?? error.description ?? error.message);
  process.exit(1);
});
