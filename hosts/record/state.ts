// SPDX-License-Identifier: Apache-2.0
/** What a device keeps at the end of a boot: digests of it, secrets replaced, that recorder and replayer compute alike. */
import { createHash, type Hash } from "node:crypto";
import type { Host } from "../../src/host.js";

/** Names and their digests. */
export type State = readonly (readonly [string, string])[];

export interface Kept {
	/** Paths that the boot has opened. */
	readonly domains: Iterable<string>;
	readonly partitions: Iterable<string>;
	readonly retained: Uint8Array | undefined;
}

export interface Masks {
	mask(bytes: Uint8Array): Uint8Array;
	maskValue(path: string, key: string, value: Uint8Array): Uint8Array;
}

export function stateOf({ storage, flash }: Pick<Host, "storage" | "flash">, { domains, partitions, retained }: Kept, masks: Masks): State {
	const state: [string, string][] = [];
	for (const path of domains) {
		const domain = storage.open({ path });
		state.push([`storage ${path}`, digest(hash => {
			for (const key of domain.keys().sort()) {
				const value = masks.maskValue(path, key, domain.read(key)!);
				hash.update(`${key} ${value.byteLength} `).update(value);
			}
		})]);
		domain.close();
	}
	for (const path of partitions) {
		const cells = readPartition(flash, path);
		state.push([`flash ${path}`, digest(hash => { hash.update(masks.mask(cells.bytes)); })]);
	}
	if (retained !== undefined) state.push(["retained memory", digest(hash => { hash.update(masks.mask(retained)); })]);
	return state;
}

export function readPartition(flash: Host["flash"], path: string): { bytes: Uint8Array; blockLength: number } {
	const partition = flash.open({ path }), bytes = new Uint8Array(partition.size);
	partition.read(bytes, 0);
	partition.close();
	return { bytes, blockLength: partition.blockLength };
}

function digest(feed: (hash: Hash) => void): string {
	const hash = createHash("sha256");
	feed(hash);
	return hash.digest("hex").slice(0, 16);
}
