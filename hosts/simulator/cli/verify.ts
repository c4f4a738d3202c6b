// SPDX-License-Identifier: Apache-2.0
/** `moorline verify`: whether devices with these keys would take a release, and what is in it. */
import type { Command } from "commander";
import { Console } from "./console.js";
import { describeRelease, readBase, readBytes, readText, several } from "./release-files.js";

interface VerifyOptions {
	key: readonly string[];
	from?: readonly string[];
	json?: boolean;
	verbose?: boolean;
}

/** By these words a value of `--key` is a key itself, and not a file. */
const KEY = /^(?:es256|eddsa):/;

export function addVerify(program: Command): void {
	program.command("verify")
		.description("Verify a release as devices do: its signature, that it is not expired, and all of its content.")
		.argument("<release>", "a file of `moorline release`")
		.requiredOption("--key <key>", "a public key that devices trust: a file of `moorline keygen`, or the text it printed; may be repeated", several)
		.option("--from <file>", "what is installed: an older release or image, so that patches against it are followed; may be repeated", several)
		.option("--json", "print one JSON object a line")
		.option("--verbose", "show where a failure came from")
		.action(verify);
}

async function verify(file: string, { key: names, from = [], ...options }: VerifyOptions): Promise<void> {
	const { hex, readPublicKey, verifyRelease, viewManifest } = await import("../../release/index.js");
	const keys = await Promise.all(names.map(async name => readPublicKey(KEY.test(name) ? name : await readText(name))));
	const bases = (await Promise.all(from.map(readBase))).flatMap(({ contents }) => [...contents.values()]);
	const { key, manifest, unfollowed } = await verifyRelease(await readBytes(file), keys, { bases, now: Date.now() / 1_000 });
	const view = viewManifest(manifest), keyId = hex(key.id), patches = unfollowed.map(({ base }) => hex(base!));
	const text = [
		`${file}: signed with key ${keyId}, ${key.algorithm}`,
		describeRelease(view),
		...patches.map(base => `  not followed, for want of its base: the patch from SHA-256 ${base}`),
	];
	new Console(options).say("verified", { file, key: keyId, algorithm: key.algorithm, manifest: view, unfollowed: patches }, text.join("\n"));
}
