// SPDX-License-Identifier: Apache-2.0
/** `moorline sign`: signs a release that was made elsewhere, or signs it anew with another key. */
import type { Command } from "commander";
import { Console } from "./console.js";
import { checkOut, describeRelease, readBytes, readText, writeBytes } from "./release-files.js";

interface SignOptions {
	key: string;
	out: string;
	json?: boolean;
	verbose?: boolean;
}

export function addSign(program: Command): void {
	program.command("sign")
		.description("Sign a release that was made without a key, or with another one. Nothing else in it changes.")
		.argument("<release>", "what `moorline release` made")
		.requiredOption("--key <file>", "the private key, PEM, without a passphrase")
		.requiredOption("--out <file>", "the signed release")
		.option("--json", "print one JSON object a line")
		.option("--verbose", "show where a failure came from")
		.action(sign);
}

async function sign(file: string, { key, out, ...options }: SignOptions): Promise<void> {
	checkOut(out, [key]);
	const { hex, readSigner, signRelease, verifyRelease, viewManifest } = await import("../../release/index.js");
	const signer = readSigner(await readText(key));
	const signed = signRelease(await readBytes(file), signer);
	// Who signs answers for the content.
	const manifest = viewManifest((await verifyRelease(signed, [signer])).manifest);
	await writeBytes(out, signed);
	const keyId = hex(signer.id);
	new Console(options).say("signed", { file: out, key: keyId, manifest }, `${out}: signed with key ${keyId}\n${describeRelease(manifest)}`);
}
