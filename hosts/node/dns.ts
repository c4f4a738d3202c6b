// SPDX-License-Identifier: Apache-2.0
/** Names to addresses through the machine's own resolver, so that its hosts file and VPN count. */
import { lookup } from "node:dns";
import { DeviceError } from "../../src/base/error.js";
import type { ResolveOptions, Resolver } from "../../src/host.js";
import { checkCallback } from "./check.js";

/** RFC 1035 §2.3.4. */
const NAME_MAXIMUM = 253;

export class DNS implements Resolver {
	#closed = false;

	resolve(options: ResolveOptions): void {
		if (this.#closed) throw new DeviceError("state", "the resolver is closed");
		const { host, onResolved, onError } = options;
		if (typeof host !== "string" || host.length === 0 || host.length > NAME_MAXIMUM) {
			throw new DeviceError("argument", `a host name must have 1-${NAME_MAXIMUM} characters`);
		}
		checkCallback("onResolved", onResolved);
		checkCallback("onError", onError);
		// IPv4 first: many a laptop has IPv6 addresses for names whose services listen on IPv4 only.
		lookup(host, { verbatim: false }, (error, address) => {
			if (this.#closed) return;
			if (error === null) onResolved(host, address);
			else onError(new DeviceError("unreachable", `the name ${host} cannot be resolved: ${error.code}`, { cause: error }));
		});
	}

	close(): void {
		this.#closed = true;
	}
}
