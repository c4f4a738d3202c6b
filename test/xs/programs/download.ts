// SPDX-License-Identifier: Apache-2.0
/**
 * Runs on XS: fetches a release over HTTPS and tells its digest. Word 0 is the URL, word 1 the length; the trust anchor is
 * in storage. After a failure it asks on from the last whole block.
 */
import host from "moorline/host";
import { native } from "../../../hosts/xs/native.js";
import type { DeviceError } from "../../../src/base/error.js";
import { HTTPSSource } from "../../../src/ota/https.js";
import { BLOCK_LENGTH, type SourceReader } from "../../../src/ota/source.js";

const anchor = host.storage.open({ path: "identity" }).read("anchor")!;
const source = new HTTPSSource(host, native.argument(0)!, { anchors: [anchor] });
const end = Number(native.argument(1));
const digest = host.crypto.digest("SHA-256");
const block = new Uint8Array(BLOCK_LENGTH);
let position = 0;
let failures = 0;

const reader: SourceReader = {
	onBytes(bytes, start, end) {
		const first = position % BLOCK_LENGTH;
		const split = Math.min(end, start + BLOCK_LENGTH - first);
		block.set(bytes.subarray(start, split), first);
		position += split - start;
		if (position % BLOCK_LENGTH === 0) digest.update(block);
		if (split < end) reader.onBytes(bytes, split, end);
		return true;
	},
	onEnd() {
		const hex = Array.from(digest.digest(), (byte) => (byte + 256).toString(16).slice(1)).join("");
		host.trace(`${hex} after ${failures} failures`);
	},
	onFailed(error: DeviceError) {
		if ("reason" in error) return host.trace(`given up: ${String(error.reason)}`);
		failures++;
		position -= position % BLOCK_LENGTH;
		host.timer.set(open, 10);
	},
};

function open(): void {
	source.open(position, end, reader);
}

open();
