// SPDX-License-Identifier: Apache-2.0
/** Names of the world's network, answered as slowly and unreliably as all else. */
import { DeviceError } from "../../src/base/error.js";
import type { Resolver, ResolveOptions } from "../../src/host.js";
import { checkCallback, isAddress } from "./address.js";
import type { Network } from "./network.js";
import type { Party } from "./party.js";
import { Task } from "./queue.js";

/** A query is sent again after this time (ms), this often in all. */
const RETRANSMISSION = 1000, ATTEMPTS = 4;
const PENDING_MAXIMUM = 16;

/** The `host.dns.io` of one party. */
export function dnsClass(network: Network, party: Party): new () => Resolver {
	return class DNS implements Resolver {
		readonly #pending = new Set<Task>();
		#closed = false;

		constructor() {
			party.check();
			party.own(this);
		}

		resolve(options: ResolveOptions): void {
			party.check();
			if (this.#closed) throw new DeviceError("state", "the resolver is closed");
			const { host, onResolved, onError } = options;
			if (typeof host !== "string" || host === "") throw new DeviceError("argument", "host must be a name");
			checkCallback("onResolved", onResolved, true);
			checkCallback("onError", onError, true);
			if (this.#pending.size >= PENDING_MAXIMUM) throw new DeviceError("full", `${PENDING_MAXIMUM} names are being resolved`);
			let attempts = 0;
			const task = new Task(() => {
				const literal = isAddress(host);
				if (!literal && (network.isDown(party.address) || network.random.chance(network.faults.loss)) && ++attempts < ATTEMPTS) {
					network.clock.schedule(task, RETRANSMISSION);
					return;
				}
				this.#pending.delete(task);
				const address = literal ? host : attempts === ATTEMPTS ? undefined : network.lookup(host);
				network.log.add("dns.answer", party.id, attempts, address ?? host);
				if (address !== undefined) party.enter(value => onResolved(host, value), address);
				else party.enter(onError, new DeviceError("unreachable", `the name ${host} was not resolved`));
			});
			this.#pending.add(task);
			network.clock.schedule(task, network.latency() * 2);
		}

		close(): void {
			this.abandon();
			party.disown(this);
		}

		abandon(): void {
			this.#closed = true;
			for (const task of this.#pending) network.clock.cancel(task);
			this.#pending.clear();
		}
	};
}
