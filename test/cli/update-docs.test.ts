// SPDX-License-Identifier: Apache-2.0
/** docs/update.md says what is so: its reasons, members and limits are those of the sources. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { RELEASE_LIMITS } from "../../src/ota/manifest.js";
import { readOffer } from "../../src/ota/offer.js";
import type { JSONObject } from "../../src/bytes/value.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");
const page = read("docs/update.md");

/** The text below a heading, up to the next. */
function section(heading: string): string {
	const [, text] = page.split(`\n## ${heading}\n`);
	assert.ok(text, heading);
	return text.split("\n## ")[0]!;
}

test("the reasons are those that there are, with their codes", () => {
	const rows = [...section("The reasons").matchAll(/^\| `([\w-]+)` \| `([\w-]+)` \| .+ \|$/gm)].map(([, reason, code]) => `${reason} ${code}`);
	const found = [...read("src/ota/failure.ts").matchAll(/^\t"?([\w-]+)"?: "([\w-]+)",$/gm)].map(([, reason, code]) => `${reason} ${code}`);
	assert.ok(found.length >= 20);
	assert.deepEqual(rows, found);
	assert.ok(read("README.md").includes(`one of ${found.length} reasons`));
});

test("the members are those that are read", () => {
	const members = new Set([...section("The release file").matchAll(/^\| `(\w+)`\?? \| [^|]+ \| [^|]+ \|$/gm)].map(([, name]) => name!));
	const [, known] = /const MEMBERS = Object\.freeze\(\[([^\]]+)\]/.exec(read("src/ota/manifest.ts"))!;
	assert.deepEqual([...members].sort(), [...known!.matchAll(/"(\w+)"/g)].map(([, name]) => name!).sort());
});

test("the limits are those of the sources", () => {
	const [, line] = /\n\*\*Limits\*\*: (.*)\.\n/.exec(page)!;
	const { components, payloads, groups, size, hardware, revoked, text, manifest } = RELEASE_LIMITS;
	const numbers = [...line!.matchAll(/\d+/g)].map(([digits]) => Number(digits));
	assert.deepEqual(numbers, [components, payloads, groups, size / 2 ** 20, hardware, revoked, text]);
	assert.ok(page.includes(`at most ${manifest.toLocaleString("en")} |`));
});

test("the documents of the jobs are understood", () => {
	const documents = [...section("The job").matchAll(/^\| `(\{[^`…]+\})` \| [^|]+ \|$/gm)].map(([, text]) => JSON.parse(text!) as JSONObject);
	assert.ok(documents.length >= 2);
	for (const document of documents) assert.notEqual(readOffer(document), undefined, JSON.stringify(document));
});

test("what is waited for has its word", () => {
	const [, words] = /export type WaitReason = ([^;]+);/.exec(read("src/ota/policy.ts"))!;
	for (const [, word] of words!.matchAll(/"(\w+)"/g)) assert.match(section("The job"), new RegExp(`\`${word}\`|"for":"${word}"`));
});
