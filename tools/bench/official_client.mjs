// 2,000 updates of deals by Pipedrive's official client for Node.js, as its examples show: one after the other, waiting
// where it is refused. It hides how long to wait, so that is a window. Takes the server's URL and token as arguments and
// rows as JSON on standard input; says what it used as JSON. Run by bulk.py, in a folder that has the client.

import { createRequire } from "node:module";

const { Configuration, DealsApi } = createRequire(`${process.cwd()}/`)("pipedrive/v2");
const [url, apiKey] = process.argv.slice(2);
const deals = new DealsApi(new Configuration({ apiKey, basePath: `${url}/api/v2` }));
let text = "";
for await (const chunk of process.stdin) text += chunk;
const rows = JSON.parse(text);

const began = performance.now();
const before = process.cpuUsage();
for (const { id, title } of rows) {
  for (;;) {
    try {
      await deals.updateDeal({ id, UpdateDealRequest: { title } });
      break;
    } catch (refused) {
      if (refused?.errorCode !== 429) throw refused;
      await new Promise((resume) => setTimeout(resume, 2000));
    }
  }
}
const used = process.cpuUsage(before);
console.log(JSON.stringify({ seconds: (performance.now() - began) / 1000, cpu: (used.user + used.system) / 1e6 }));
