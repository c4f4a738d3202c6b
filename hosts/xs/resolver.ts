// SPDX-License-Identifier: Apache-2.0
/** Names to addresses, by the operating system's resolver in a thread of the C host. */
import { DeviceError } from "../../src/base/error.js";
import type { ResolveOptions, Resolver as HostResolver } from "../../src/host.js";
import { checkFunction } from "./check.js";
import { Event, native, type Handle } from "./native.js";

interface Lookup {
	readonly resolver: Resolver;
	readonly options: ResolveOptions;
	handle: Handle;
}

function dispatch(lookup: Lookup, event: number, _value: number, message: string | undefined): void {
	lookup.resolver.finish(lookup);
	const { host } = lookup.options;
	if (event === Event.ERROR) lookup.options.onError(new DeviceError("unreachable", `no address for "${host}": ${message}`));
	else lookup.options.onResolved(host, message!);
}

export class Resolver implements HostResolver {
	#lookups: Lookup[] = [];

	resolve(options: ResolveOptions): void {
		if (typeof options.host !== "string" || options.host === "") throw new DeviceError("argument", "host must be a name");
		checkFunction(options.onResolved, "onResolved");
		checkFunction(options.onError, "onError");
		const lookup: Lookup = { resolver: this, options, handle: -1 };
		lookup.handle = native.resolverStart(lookup, dispatch, options.host);
		if (lookup.handle < 0) throw new DeviceError("argument", "host is too long to be a name");
		this.#lookups.push(lookup);
	}

	/** For `dispatch` only. */
	finish(lookup: Lookup): void {
		native.resolverClose(lookup.handle);
		this.#lookups.splice(this.#lookups.indexOf(lookup), 1);
	}

	close(): void {
		const lookups = this.#lookups;
		for (let i = 0; i < lookups.length; i++) native.resolverClose(lookups[i]!.handle);
		this.#lookups = [];
	}
}
