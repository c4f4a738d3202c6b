// SPDX-License-Identifier: Apache-2.0
/** A device whose storage is full, cannot be read, or holds what nobody wrote: it works, and says so; it never dies of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { privateCloud } from "../../src/clouds/private/index.js";
import { DeviceError } from "../../src/base/error.js";
import { Device } from "../../src/device.js";
import type { StorageDomain, StorageProvider } from "../../src/host.js";
import { number } from "../../src/index.js";
import { IDENTITY } from "./device-rig.js";
import { fromHex } from "./hex.js";
import { TelemetryHost } from "./operations/telemetry-rig.js";
import { utf8 } from "./wire.js";

/** What each operation does, in every domain but that of the identity. */
type Trouble = "none" | "write" | "read" | "open" | "noise";

class Host extends TelemetryHost {
	trouble: Trouble = "none";
	#noise = 1;

	constructor() {
		super();
		const { storage } = this;
		const troubled: StorageProvider = {
			open: ({ path }) => {
				const domain = storage.open({ path });
				if (path === "identity") return domain;
				this.fail("open");
				return this.troubled(domain);
			},
		};
		Object.assign(this, { storage: troubled });
		this.stored["identity"] = Object.fromEntries(Object.entries(IDENTITY).map(([key, value]) => [key, fromHex(utf8(value))]));
		this.resetReason = "exception";
		this.crash = { reason: "exception", message: "no such pattern", stack: "" };
		this.retained = new Uint8Array(4_096);
	}

	private fail(operation: Trouble): void {
		if (this.trouble === operation) throw new DeviceError(operation === "write" ? "full" : "storage", operation);
	}

	private troubled(domain: StorageDomain): StorageDomain {
		return {
			read: (key) => {
				this.fail("read");
				if (this.trouble !== "noise") return domain.read(key);
				// Text, bytes, numbers and nothing, as it comes.
				this.#noise = this.#noise * 75 % 65_537;
				const bytes = Uint8Array.from({ length: this.#noise % 40 }, (_, at) => this.#noise >> at % 9 & 0xff);
				if (this.#noise % 3 === 0) bytes.set(fromHex(utf8(`{"known":[null],"total":1}`)).slice(2, 2 + bytes.byteLength));
				return bytes;
			},
			write: (key, value) => {
				this.fail("write");
				domain.write(key, value);
			},
			delete: (key) => {
				this.fail("write");
				domain.delete(key);
			},
			keys: () => domain.keys(),
			close: () => domain.close(),
		};
	}
}

function boot(host: Host, errors: string[]): Device {
	const device = new Device({
		host, cloud: privateCloud(), commands: { blink: () => undefined }, heartbeat: { period: 60_000 }, trace: {},
		log: { upload: "always" }, onError: ({ code }) => { errors.push(code); },
	});
	device.configure({ model: { interval: number() }, onConfigure: () => undefined });
	device.log("lamp").info("starts");
	return device;
}

for (const trouble of ["write", "read", "open", "noise"] as const) {
	test(`a device starts, and runs for hours, where the storage has trouble: ${trouble}`, () => {
		for (const isLater of [false, true]) {
			const host = new Host();
			const errors: string[] = [];
			if (isLater) boot(host, errors).close();
			host.trouble = trouble;
			const device = boot(host, errors);
			host.reach();
			assert.ok(host.stream.options !== undefined);
			host.advance(7_200_000);
			assert.ok(errors.length > 0 || isLater || trouble === "noise", "nothing was said");
			assert.ok(errors.length < 2_000, `${errors.length} errors`);
			assert.ok(errors.every((code) => ["full", "storage", "corrupt", "malformed", "closed", "timeout"].includes(code)), errors.join(" "));
			device.close();
		}
	});
}
