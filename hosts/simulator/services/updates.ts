// SPDX-License-Identifier: Apache-2.0
/**
 * What an operator does to bring new firmware to devices, and to take it back: a file where they can fetch it, and a job
 * that says so. The same on every cloud that has jobs and files.
 */
import { Buffer } from "buffer";
import { DeviceError } from "../../../src/base/error.js";
import type { JsonObject } from "./json.js";

/** What updates need of a cloud. */
export interface UpdatesCloud {
	/** Lets a device fetch a release by that name, as file 0. @throws DeviceError */
	put(device: string, name: string, release: Uint8Array): void;
	/** @throws DeviceError `argument`, `full`, `state` when there is such a job */
	queue(id: string, document: JsonObject, devices: readonly string[]): void;
}

export interface OfferOptions {
	/** Of the job, and of the stream: 1 to 64 characters of `a-z A-Z 0-9 _ -`. Default: `update-1` and so on. */
	id?: string | undefined;
	/** A release file. */
	release: Uint8Array;
	devices: readonly string[];
	/** "stream": over MQTT from this cloud; or the `https:` URL that somebody else serves it at. Default: "stream". */
	by?: string | undefined;
	/** Part of the devices that is meant, by a draw of each device's own. Default: all of them. */
	percent?: number | undefined;
}

export interface OtaOptions extends Omit<OfferOptions, "percent"> {
	/** What the signing service of AWS would say of the file. Default: some text; what counts is inside of the release. */
	signature?: Uint8Array | undefined;
}

const OTA_PREFIX = "AFR_OTA-";

export class Updates {
	protected readonly cloud: UpdatesCloud;
	#count = 0;

	constructor(cloud: UpdatesCloud) {
		this.cloud = cloud;
	}

	/**
	 * Offers a release.
	 * @returns the job's id
	 * @throws DeviceError `argument`, `too-large`, `full`, `state` when there is such a job
	 */
	offer({ id = this.next("update"), release, devices, by = "stream", percent }: OfferOptions): string {
		const update: JsonObject = this.place(id, release, devices, by) ? { stream: id, file: 0 } : { url: by };
		if (percent !== undefined) update["percent"] = percent;
		this.cloud.queue(id, { update }, devices);
		return id;
	}

	/**
	 * Tells devices to go back to the image that they had before.
	 * @returns the job's id
	 * @throws DeviceError `argument`, `full`
	 */
	rollback(devices: readonly string[]): string {
		const id = this.next("rollback");
		this.cloud.queue(id, { update: { rollback: true } }, devices);
		return id;
	}

	protected next(kind: string): string {
		return `${kind}-${++this.#count}`;
	}

	/** @returns true when it is a stream, and the devices have it */
	protected place(name: string, release: Uint8Array, devices: readonly string[], by: string): boolean {
		if (by === "stream") {
			for (const device of devices) this.cloud.put(device, name, release);
			return true;
		}
		if (!by.startsWith("https://")) throw new DeviceError("argument", `cannot offer by "${by}": neither "stream" nor an https URL`);
		return false;
	}
}

/** Of AWS, which has update jobs of its own besides. */
export class OtaUpdates extends Updates {
	/**
	 * Offers a release as CreateOTAUpdate does.
	 * @returns the job's id, which begins with `AFR_OTA-`
	 * @throws DeviceError as `offer`
	 */
	offerOta({ id = this.next("update"), release, devices, by = "stream", signature }: OtaOptions): string {
		const name = OTA_PREFIX + id, isStream = this.place(name, release, devices, by);
		this.cloud.queue(name, { afr_ota: {
			protocols: [isStream ? "MQTT" : "HTTP"],
			...(isStream ? { streamname: name } : {}),
			files: [{
				filepath: "release", filesize: release.byteLength, fileid: 0, certfile: "code-signer",
				...(isStream ? {} : { update_data_url: by, auth_scheme: "aws.s3.presigned" }),
				"sig-sha256-ecdsa": Buffer.from(signature ?? "signed inside").toString("base64"),
			}],
		} }, devices);
		return name;
	}
}
