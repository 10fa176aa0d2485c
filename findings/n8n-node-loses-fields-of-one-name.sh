#!/bin/sh
# n8n's Pipedrive node, version 2 (n8n-nodes-base 2.41.2, Node.js 20.20.2) gives custom fields by their names. Names are
# not unique in Pipedrive: of two custom fields called "Source" it gives one value, the other is lost without a word.
#
# Seen: given   {"aaa...a": "Fair", "bbb...b": "Web"}
#       shown   {"Source": "Web"}
# Why: resolveCustomFieldsV2 (dist/nodes/Pipedrive/v2/helpers/customFields.js) puts each value under its field's name
# into one object; it is the default, `rawCustomFieldOutput` switches it off.
#
# Exits 1 if this has changed. Needs node and npm with a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm pack --silent n8n-nodes-base@2.41.2 >/dev/null
tar xzf n8n-nodes-base-2.41.2.tgz package/dist/nodes/Pipedrive/v2/helpers
timeout 60 node - <<'NODE'
const { resolveCustomFieldsV2 } = require('./package/dist/nodes/Pipedrive/v2/helpers/customFields.js');
const [first, second] = ['a'.repeat(40), 'b'.repeat(40)];
const fields = {
  [first]: { key: first, name: 'Source', field_type: 'varchar' },
  [second]: { key: second, name: 'Source', field_type: 'varchar' },
};
const item = { json: { id: 1, custom_fields: { [first]: 'Fair', [second]: 'Web' } } };
console.log('given ', JSON.stringify(item.json.custom_fields));
resolveCustomFieldsV2(fields, item);
console.log('shown ', JSON.stringify(item.json.custom_fields ?? item.json));
const left = JSON.stringify(item.json);
process.exit(left.includes('Web') && !left.includes('Fair') ? 0 : 1);
NODE
