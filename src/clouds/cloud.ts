// SPDX-License-Identifier: Apache-2.0
/**
 * What a cloud is to a device: a translation between the services' neutral model and one vendor's messages.
 *
 * `device.ts` calls it, one file or folder per vendor implements it.
 */
import type { Closer } from "../base/closer.js";
import type { DeviceError } from "../base/error.js";
import type { Firmware } from "../base/firmware.js";
import type { Traffic } from "../base/traffic.js";
import type { Host } from "../host.js";
import type { Provisioning } from "../identity/provisioning.js";
import type { Commands } from "../operations/commands.js";
import type { Jobs } from "../operations/jobs.js";
import type { Metrics } from "../operations/metrics.js";
import type { Reports } from "../operations/reports.js";
import type { Download } from "../ota/download.js";
import type { Shadow } from "../shadow/shadow.js";

/** What a connection tells the device, always from IO or timer callbacks. */
export interface ConnectionCallbacks {
	/** The cloud listens and we listen: services may begin. */
	onReady(): void;
	onLost(error: DeviceError, delay: number): void;
	/** Something was refused or malformed; the connection goes on. */
	onFault(error: DeviceError): void;
	/** A message was handed to a service: its deadline may have moved. */
	onTurn(): void;
}

/** What a connection is made from, and calls from then on. */
export interface ConnectionOptions extends ConnectionCallbacks {
	readonly host: Host;
	/** The device's name. Credentials are in the host's storage. */
	readonly id: string;
	readonly firmware: Firmware | undefined;
	/** Sees every message of the services and of the program's own, in both directions. */
	readonly tracer?: MessageTracer | undefined;
	/** Where what passes is counted. */
	readonly traffic?: Traffic | undefined;
}

export interface MessageTracer {
	/**
	 * @param sent by the device; else it came
	 * @param topic or path
	 * @param bytes borrowed: `bytes[start, end)` is the content
	 */
	onMessage(sent: boolean, topic: string, bytes: Uint8Array | string, start: number, end: number): void;
}

export interface PublishOptions {
	/** 1: until the cloud has it. Default: 0. */
	qos?: 0 | 1 | undefined;
	/** For those who subscribe later. Default: false. */
	retain?: boolean | undefined;
}

/**
 * A device's connection to its cloud; reconnects by itself until `close`.
 *
 * Services are added to it once and stay. Each is told when the cloud can be reached and its own subscriptions stand,
 * and is given the port that it asks through until it is told that the connection is lost.
 */
export interface Connection {
	/**
	 * @param name "" for the device's own shadow
	 * @throws DeviceError `unsupported` where the cloud has no such shadows, `argument` for what is no name of one
	 */
	addShadow(name: string, shadow: Shadow): void;
	/** @throws DeviceError `unsupported` */
	addJobs(jobs: Jobs): void;
	/** @throws DeviceError `unsupported` */
	addCommands(commands: Commands): void;
	/** @throws DeviceError `unsupported` */
	addMetrics(metrics: Metrics): void;
	/** @throws DeviceError `unsupported` */
	addReports(reports: Reports): void;
	/**
	 * For a connection with a claim: the credential that it gives is for another connection.
	 * @throws DeviceError `unsupported`, `argument`
	 */
	addProvisioning(provisioning: Provisioning): void;
	/**
	 * Fetches a file of those that the cloud keeps under a name; the download is to be closed, whatever came of it.
	 * @throws DeviceError `unsupported`, `argument`, `full`
	 */
	addDownload(name: string, file: number, download: Download): Closer;
	/**
	 * Sends a message of the program's own, to a topic as the cloud has it. What cannot be sent now is not kept, but
	 * for messages at QoS 1 while there is room.
	 * @returns false when it was not taken
	 * @throws DeviceError `argument`, `too-large`, `unsupported`; `state` after `close`
	 */
	publish(topic: string, payload: Uint8Array | string, options?: PublishOptions): boolean;
	close(): void;
}

export interface Cloud {
	/** @throws DeviceError `argument`, `credential` when the credentials are not those this cloud needs */
	connect(options: ConnectionOptions): Connection;
}
