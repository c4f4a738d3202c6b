// SPDX-License-Identifier: Apache-2.0
/**
 * ESP32: NVS for storage, partitions for flash, and the functions of ESP-IDF that the SDK does not offer.
 *
 * `esp_fill_random` is a true source of entropy while Wi-Fi or Bluetooth is on; before TLS it always is.
 */
import TCP from "embedded:io/socket/tcp";
import flash from "embedded:storage/flash";
import keyValue from "embedded:storage/key-value";
import FFI from "mc/ffi";
import Time from "time";
import { DeviceError } from "../../../src/base/error.js";
import type { FlashPartition, ResetReason, StorageDomain } from "../../../src/host.js";
import { checkName } from "../check.js";
import type { Platform } from "../platform.js";
import { Partition } from "./flash.js";
import { getImages, releaseNext } from "./images.js";
import { Domain } from "./storage.js";

/** By the numbers of esp_reset_reason_t. The ones that are missing are unknown here. */
const RESET_REASONS: readonly (ResetReason | undefined)[] = Object.freeze([
	"unknown", "power-on", "power-on", "software", "exception", "watchdog", "watchdog", "watchdog", "deep-sleep", "brownout",
]);
const IDENTIFIER_LENGTH = 6;

/** What precedes a change of the partitions with images: none of the one that runs. */
const CHANGES: Readonly<Record<string, () => void>> = Object.freeze({
	running(): never { throw new DeviceError("argument", "the image that runs is only read"); },
	nextota: releaseNext,
});

/** Made at run time: a preloaded module cannot hold a native object. */
let functions: FFI | undefined;

/** What has passed, and the ticks at which that was counted: the ticks have 32 bits and wrap after 25 days. */
let elapsed = 0;
let counted: number | undefined;

function natives(): FFI {
	return functions ??= new FFI();
}

const platform: Platform = Object.freeze({
	Socket: TCP,
	storage: Object.freeze({
		open({ path }: { path: string }): StorageDomain {
			checkName(path);
			try {
				return new Domain(keyValue.open({ path, format: "buffer" }));
			} catch (error) {
				throw new DeviceError("storage", `the storage domain ${path} cannot be opened`, { cause: error });
			}
		},
	}),
	flash: Object.freeze({
		open({ path }: { path: string }): FlashPartition {
			checkName(path);
			try {
				return new Partition(flash.open({ path }), CHANGES[path]);
			} catch (error) {
				throw new DeviceError("argument", `there is no flash partition ${path}`, { cause: error });
			}
		},
	}),
	get images() { return getImages(); },
	random(target: Uint8Array): void {
		const bytes = new ArrayBuffer(target.byteLength);
		natives().esp_fill_random(bytes, bytes.byteLength);
		target.set(new Uint8Array(bytes));
	},
	now(): number {
		const ticks = Time.ticks;
		elapsed += counted === undefined ? 0 : Time.delta(counted, ticks);
		counted = ticks;
		return elapsed;
	},
	directory: "",
	system: Object.freeze({
		restart(): void {
			native("moorline_crash_leave").call(undefined);
			natives().esp_restart();
		},
		get resetReason(): ResetReason {
			return RESET_REASONS[natives().esp_reset_reason()] ?? "unknown";
		},
		/** The MAC address that the factory burnt into the chip. */
		get identifier(): string {
			const mac = new ArrayBuffer(IDENTIFIER_LENGTH);
			natives().esp_efuse_mac_get_default(mac);
			return Array.from(new Uint8Array(mac), byte => byte.toString(16).padStart(2, "0")).join("");
		},
	}),
});

export default platform;
