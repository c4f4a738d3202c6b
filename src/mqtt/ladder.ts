// SPDX-License-Identifier: Apache-2.0
/**
 * Which of several ways to a server is tried next: MQTT's own port, port 443, a WebSocket. Networks that let only the
 * web through are common, and each is remembered by its name.
 *
 * A round begins with the way that worked last on this network and goes through all others in their order. Only what
 * keeps bytes from the server moves it on; a server that answered and refused was reached.
 *
 * Memory: three numbers; and in the storage one byte for each of the last networks.
 */
import { encodeHex } from "../bytes/hex.js";
import { textDigest, type DigestingHost } from "../bytes/text-digest.js";
import type { StorageDomain, StorageProvider } from "../host.js";

/** Of a host, what remembering needs. */
export interface LadderHost extends DigestingHost {
	readonly storage: StorageProvider;
}

const DOMAIN = "transport";
/** Networks that are remembered. */
const NETWORKS_MAXIMUM = 8;
const KEY_BYTES = 6;

export class Ladder {
	/** Index of the way to try now. */
	rung = 0;
	readonly #host: LadderHost;
	#network: string | undefined;
	/** What worked last here, and how many were tried since. */
	#known = 0;
	#tried = 0;

	constructor(host: LadderHost) {
		this.#host = host;
	}

	/**
	 * Begins anew where the network is another than before, or the way is none any more.
	 * @param count ways there are
	 */
	enter(network: string, count: number): void {
		if (network === this.#network && this.rung < count) return;
		this.#network = network;
		const known = this.remembered(network);
		this.rung = this.#known = known < count ? known : 0;
		this.#tried = 0;
	}

	/**
	 * The way led nowhere: another is next.
	 * @returns false when all were tried, and the next is the first of a new round
	 */
	failed(count: number): boolean {
		this.#tried = (this.#tried + 1) % count;
		// The others in their order, with the known one left out.
		if (this.#tried === 0) this.rung = this.#known;
		else this.rung = this.#tried <= this.#known ? this.#tried - 1 : this.#tried;
		return this.#tried !== 0;
	}

	/** The way led to the server. */
	reached(): void {
		this.#tried = 0;
		if (this.rung === this.#known) return;
		this.#known = this.rung;
		this.remember(this.#network!, this.rung);
	}

	private remembered(network: string): number {
		const value = this.stored((domain) => domain.read(this.key(network)));
		return value === undefined ? 0 : value.reduce((number, byte) => number * 256 + byte, 0);
	}

	private remember(network: string, rung: number): void {
		this.stored((domain) => {
			const key = this.key(network);
			const keys = domain.keys();
			if (!keys.includes(key) && keys.length >= NETWORKS_MAXIMUM) domain.delete(keys[0]!);
			domain.write(key, Uint8Array.of(rung));
		});
	}

	/** A storage that fails is no reason not to connect: what it should have known will be learned again. */
	private stored<Result>(action: (domain: StorageDomain) => Result): Result | undefined {
		try {
			const domain = this.#host.storage.open({ path: DOMAIN });
			try {
				return action(domain);
			} finally {
				domain.close();
			}
		} catch {
			return undefined;
		}
	}

	/** Names of networks are no keys: any length, any characters. */
	private key(network: string): string {
		return encodeHex(textDigest(this.#host, network).subarray(0, KEY_BYTES));
	}
}
