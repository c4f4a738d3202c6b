// SPDX-License-Identifier: Apache-2.0
/** Firmware updates of a device: what they need of it, and what they tell its program. */
import { DeviceError } from "./base/error.js";
import type { Firmware } from "./base/firmware.js";
import type { Host } from "./host.js";
import { readCredentials } from "./identity/credentials.js";
import type { Job } from "./operations/jobs.js";
import type { Release } from "./ota/acquisition.js";
import type { FailureReason } from "./ota/failure.js";
import { HTTPSSource } from "./ota/https.js";
import { trustedKey } from "./ota/key.js";
import type { Ed25519, ReleaseKey } from "./ota/manifest.js";
import type { Offer } from "./ota/offer.js";
import type { Source } from "./ota/source.js";
import { StreamSource, type Downloader } from "./ota/stream-source.js";
import { Update, type UpdateOptions, type UpdateOwner } from "./ota/update.js";

/** What a program sets for updates; `Self` is what the callbacks find as `this`. */
export interface UpdateHandlers<Self> extends UpdateOptions {
	/** From `moorline/ed25519`, where a key needs it. */
	ed25519?: Ed25519 | undefined;
	/** Whom web servers with releases are to be certified by (DER), beside the device's own trust anchor. */
	anchors?: readonly Uint8Array[] | undefined;
	/** Takes releases from servers without TLS, too: what is signed is signed. Default: false. */
	plain?: boolean | undefined;
	/**
	 * "auto": what is new is healthy once it is connected and its shadow in sync. "manual": once the program says so
	 * by `device.update.confirm`. Default: "auto".
	 */
	health?: "auto" | "manual" | undefined;
	/** Percent that the battery has; absent: there is none. */
	battery?(this: Self): number;
	/** Only with a policy of consent: `device.update.accept` begins it. */
	onOffer?(this: Self, release: Release): void;
	/** @param received of `total` bytes of what is to be installed */
	onProgress?(this: Self, received: number, total: number): void;
	/** The device restarts in this turn, or a few seconds later. */
	onRestart?(this: Self, version: string): void;
	/**
	 * An update came to its end; told again after a reset, until the cloud has heard of it.
	 * @param reason absent for success
	 */
	onEnd?(this: Self, version: string, reason: FailureReason | undefined): void;
}

/** What updates ask of the device. */
export interface UpdatesOwner extends Downloader {
	readonly host: Host;
	readonly id: string;
	readonly firmware: Firmware | undefined;
	onTurn(): void;
	onFault(error: DeviceError): void;
}

export class Updates implements UpdateOwner {
	readonly host: Host;
	readonly firmware: Firmware;
	readonly keys: readonly ReleaseKey[];
	readonly update: Update;
	readonly #owner: UpdatesOwner;
	readonly #handlers: UpdateHandlers<unknown>;
	readonly #self: unknown;
	/** The last job that was an update. */
	#job: Job | undefined;

	/** @throws DeviceError `argument`, `storage` */
	constructor(owner: UpdatesOwner, handlers: UpdateHandlers<unknown>, self: unknown) {
		const { host, firmware } = owner;
		if (firmware?.keys === undefined) throw new DeviceError("argument", "updates need firmware.keys");
		this.host = host;
		this.firmware = firmware;
		this.keys = firmware.keys.map((text) => trustedKey(text, handlers.ed25519));
		this.#owner = owner;
		this.#handlers = handlers;
		this.#self = self;
		this.update = new Update(this, handlers);
	}

	get id(): string {
		return this.#owner.id;
	}

	/** A job of the cloud. @returns false when it is no update */
	onJob(job: Job): boolean {
		if (!this.update.take(job)) return false;
		this.#job = job;
		return true;
	}

	/** @returns false when it was no update */
	onJobCanceled(job: Job): boolean {
		if (job !== this.#job) return false;
		this.update.canceled(job);
		return true;
	}

	/** @returns false when it was no update */
	onJobFinished(job: Job): boolean {
		if (job !== this.#job) return false;
		this.update.finished(job);
		return true;
	}

	/** The device is connected, and all that it reports is in sync. */
	onSync(): void {
		if (this.#handlers.health !== "manual") this.update.healthy();
	}

	openSource({ url, stream, file }: Offer): Source {
		if (stream !== undefined) {
			return new StreamSource(this.#owner, stream, file);
		}
		const { anchors = [], plain } = this.#handlers;
		const { anchor } = readCredentials(this.host);
		const all = anchor === undefined ? anchors : [anchor, ...anchors];
		return new HTTPSSource(this.host, url!, { anchors: all, plain, onTurn: () => this.onTurn() });
	}

	battery(): number | undefined {
		return this.#handlers.battery?.call(this.#self);
	}

	onTurn(): void {
		this.#owner.onTurn();
	}

	onUpdateOffer(release: Release): void {
		this.#handlers.onOffer?.call(this.#self, release);
	}

	onUpdateProgress(received: number, total: number): void {
		this.#handlers.onProgress?.call(this.#self, received, total);
	}

	onUpdateRestart(version: string): void {
		this.#handlers.onRestart?.call(this.#self, version);
	}

	onUpdateEnd(version: string, reason: FailureReason | undefined): void {
		this.#handlers.onEnd?.call(this.#self, version, reason);
	}

	onFault(error: DeviceError): void {
		this.#owner.onFault(error);
	}
}
