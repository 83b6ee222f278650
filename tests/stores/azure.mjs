// Speaks to Azure Blob Storage with the account's key, for the tests:
//   azure.mjs ENDPOINT KEY container NAME | put PATH FILE | get PATH | sas CONTAINER
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";

const [endpoint, key, verb, path, file] = process.argv.slice(2);
const account = new URL(endpoint).pathname.slice(1);
const version = "2021-08-06";

function sign(text) {
  return createHmac("sha256", Buffer.from(key, "base64")).update(text, "utf8").digest("base64");
}

async function ask(method, path, query, headers, body) {
  const all = { "x-ms-date": new Date().toUTCString(), "x-ms-version": version, ...headers };
  const canonical = Object.keys(all).sort().map((name) => `${name}:${all[name]}\n`).join("");
  const resource = `/${account}${new URL(`${endpoint}/${path}`).pathname}` +
    Object.keys(query).sort().map((name) => `\n${name}:${query[name]}`).join("");
  const length = body?.length ? String(body.length) : "";
  const type = body ? "application/octet-stream" : "";
  const text = [method, "", "", length, "", type, "", "", "", "", "", "", canonical + resource].join("\n");
  const url = `${endpoint}/${path}?${new URLSearchParams(query)}`;
  const reply = await fetch(url, {
    method,
    headers: { ...all, ...(type && { "content-type": type }), authorization: `SharedKey ${account}:${sign(text)}` },
    body,
  });
  const bytes = Buffer.from(await reply.arrayBuffer());
  if (!reply.ok) throw new Error(`${reply.status} ${bytes}`);
  return bytes;
}

// A token for reading and listing a container for an hour.
function sas(container) {
  const from = new Date(Date.now() - 3600e3).toISOString().slice(0, 19) + "Z";
  const until = new Date(Date.now() + 3600e3).toISOString().slice(0, 19) + "Z";
  const text = ["rl", from, until, `/blob/${account}/${container}`, "", "", "", version, "c",
    "", "", "", "", "", "", ""].join("\n");
  return new URLSearchParams({ sv: version, sr: "c", sp: "rl", st: from, se: until, sig: sign(text) }).toString();
}

const verbs = {
  container: () => ask("PUT", path, { restype: "container" }, {}),
  put: () => ask("PUT", path, {}, { "x-ms-blob-type": "BlockBlob" }, readFileSync(file)),
  get: () => ask("GET", path, {}, {}),
  sas: () => sas(path),
};
process.stdout.write(await verbs[verb]());
