// SPDX-License-Identifier: Apache-2.0
/** Names to addresses by the platform's own resolver: on ESP32 lwIP's, with the servers that DHCP told. */
import Net from "net";
import Timer from "timer";
import { DeviceError } from "../../src/base/error.js";
import type { ResolveOptions, Resolver } from "../../src/host.js";
import { checkCallback, isAddress } from "./check.js";

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
		checkCallback(onResolved);
		checkCallback(onError);
		// The simulator's resolver knows the first address only, which for `localhost` is IPv6 and so none.
		const known = host === "localhost" ? "127.0.0.1" : isAddress(host) ? host : undefined;
		if (known !== undefined) {
			Timer.set(() => { if (!this.#closed) onResolved(host, known); });
			return;
		}
		Net.resolve(host, (_, address) => {
			if (this.#closed) return;
			if (address === undefined) onError(new DeviceError("unreachable", "the host name cannot be resolved"));
			else onResolved(host, address);
		});
	}

	close(): void {
		this.#closed = true;
	}
}
