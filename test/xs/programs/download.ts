// SPDX-License-Identifier: Apache-2.0
/**
 * Runs on XS: fetches a release over HTTPS and tells its digest. Word 0 is the URL, word 1 the length; the trust anchor is
 * in storage. After a failure it asks on from the last whole block.
 */
import host from "moorline/host";
import { native } from "../../../hosts/xs/native.js";
import type { DeviceError } from "../../../src/base/error.js";
import { HTTPSSource } from "../../../src/ota/https.js";
import { BLOCK_LENGTH, type SourceReader, type SourceStream } from "../../../src/ota/source.js";

const anchor = host.storage.open({ path: "identity" }).read("anchor")!;
const source = new HTTPSSource(host, native.argument(0)!, { anchors: [anchor] });
const end = Number(native.argument(1));
const digest = host.crypto.digest("SHA-256");
const block = new Uint8Array(BLOCK_LENGTH);
let position = 0;
let failures = 0;
let stream: SourceStream;
/** The piece that is kept, as an update keeps it: until a turn without the network under it. */
let piece: Uint8Array | undefined;
let from = 0, to = 0;
let ended = false;

function use(): void {
	const bytes = piece!;
	piece = undefined;
	while (from < to) {
		const first = position % BLOCK_LENGTH;
		const split = Math.min(to, from + BLOCK_LENGTH - first);
		block.set(bytes.subarray(from, split), first);
		position += split - from;
		from = split;
		if (position % BLOCK_LENGTH === 0) digest.update(block);
	}
	if (ended) tell();
	else stream.next();
}

function tell(): void {
	const hex = Array.from(digest.digest(), (byte) => (byte + 256).toString(16).slice(1)).join("");
	host.trace(`${hex} after ${failures} failures`);
}

const reader: SourceReader = {
	onBytes(bytes, start, end) {
		piece = bytes;
		from = start;
		to = end;
		host.timer.set(use, 0);
		return false;
	},
	onEnd() {
		ended = true;
		if (piece === undefined) tell();
	},
	onFailed(error: DeviceError) {
		if ("reason" in error) return host.trace(`given up: ${String(error.reason)}`);
		failures++;
		position -= position % BLOCK_LENGTH;
		host.timer.set(open, 10);
	},
};

function open(): void {
	stream = source.open(position, end, reader);
}

open();
