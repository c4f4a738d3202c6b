// SPDX-License-Identifier: Apache-2.0
/** What must run inside the world and on the XS engine imports nothing that only Node has, and asks no clock. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOTS = ["world.js", "identity.js", "coap/in-world.js", "coap/server.js"];
/** `buffer` is what the codecs of MQTT and CoAP stand on; outside Node a package of that name takes its place. */
const PACKAGES = new Set(["mqtt-packet", "coap-packet", "buffer", "cbor-x/index-no-eval"]);
const BANNED = /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask|process|require|performance|Date)\b|(?<!\.)\bcrypto\b(?!:)|Math\.random|\basync\b|\bawait\b/;

suite("Pure parts of the simulator", () => {
	const files = new Map<string, string>();
	const imports = new Set<string>();
	const visit = (url: URL) => {
		const path = fileURLToPath(url);
		if (files.has(path)) return;
		const text = readFileSync(path, "utf8");
		files.set(path, text);
		for (const [, specifier] of text.matchAll(/^(?:import|export)\b(?:[^"]*\bfrom )?\s*"([^"]+)";$/gm)) {
			if (specifier!.startsWith(".")) visit(new URL(specifier!, url));
			else imports.add(specifier!);
		}
	};
	for (const root of ROOTS) visit(new URL(`../../hosts/simulator/${root}`, import.meta.url));

	test("they import each other, the codecs and nothing else", () => {
		assert.ok(files.size >= 12, `${files.size} files`);
		assert.deepEqual([...imports].filter(specifier => !PACKAGES.has(specifier)), []);
	});

	test("they use no clock, timer or randomness", () => {
		for (const [path, text] of files) {
			// The SDK runs there anyway; what it is given as `crypto` is not the platform's global.
			if (path.includes("/dist/src/")) continue;
			const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g, "");
			assert.doesNotMatch(code, BANNED, path);
		}
	});
});
