// SPDX-License-Identifier: Apache-2.0
/** The simulated AWS IoT Core on real sockets, with a factory for things and claims. */
import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { Authority, KeyType } from "../../authority.js";
import { createAuthority } from "../../authority.js";
import type { DeviceIdentity } from "../../identity.js";
import { observeAws } from "../../operations/observer.js";
import type { OperationsOptions } from "../../operations/operations.js";
import type { Server } from "../../serve.js";
import type { CloudServeOptions } from "../../sockets-cloud.js";
import { SocketsCloud } from "../../sockets-cloud.js";
import type { ReportService } from "../../services/reports.js";
import type { OtaUpdates } from "../../services/updates.js";
import type { AwsOptions } from "./backend.js";
import { AwsBackend } from "./backend.js";
import { Certificates } from "./certificates.js";
import type { GateOptions } from "./gate.js";
import { AWS_PROTOCOLS, awsGate, WEBSOCKET_PATH } from "./gate.js";
import type { AwsContext } from "./service.js";
import type { AwsServices } from "./services.js";
import type { AwsShadows } from "./shadow.js";

export interface AwsCloudOptions extends AwsOptions {
	/** Default: a new one in memory. */
	authority?: Authority | undefined;
	/** Of the keys that the cloud makes for devices in fleet provisioning. Default: RSA. */
	keyType?: KeyType | undefined;
	/** What is kept and counted of the devices, and told of them; absent: nothing. */
	operations?: OperationsOptions | undefined;
}

/** As long as the tokens of AWS are: devices must have room for one. */
const TOKEN_BYTES = 360;

export interface AwsServeOptions extends Omit<CloudServeOptions, "secureWebSocketPort">, GateOptions {
	/**
	 * Port like AWS's 443, told apart by ALPN: MQTT with certificates (`x-amzn-mqtt-ca`), MQTT for the custom authorizer
	 * (`mqtt`), and, without ALPN or with `http/1.1`, WebSocket on `/mqtt`; 0 lets the system choose; absent: none.
	 */
	alpnPort?: number | undefined;
}

export class AwsCloud extends SocketsCloud<AwsBackend> {
	/** Use `createAwsCloud`. */
	constructor(authority: Authority, options: AwsCloudOptions) {
		super(authority, new AwsBackend({
			...options, wall: Date.now, now: () => performance.now(), newToken: () => randomBytes(TOKEN_BYTES).toString("base64url"),
			issuer: new Certificates(authority, options.keyType === undefined ? {} : { keyType: options.keyType }),
		}));
	}

	get shadows(): AwsShadows { return this.backend.shadows; }
	/** Jobs, streams, commands, Device Defender, Basic Ingest. */
	get services(): AwsServices { return this.backend.services; }
	get reports(): ReportService { return this.backend.reports; }
	/** New firmware, and the way back. */
	get updates(): OtaUpdates { return this.backend.updates; }
	/** What services have of the cloud. */
	get context(): AwsContext { return this.backend.context; }

	/** @returns a server whose `sharedPort` is the one with ALPN */
	serve({ alpnPort, serverName, ...options }: AwsServeOptions): Promise<Server> {
		return this.listen(options, { sharedPort: alpnPort, protocols: AWS_PROTOCOLS, gate: awsGate({ serverName }), webSocketPath: WEBSOCKET_PATH });
	}

	/** Use `createAwsCloud`. */
	observe(options: OperationsOptions): Promise<void> {
		return this.operate(options, operations => { observeAws(this, this.backend, operations); });
	}

	/** Makes a claim: a certificate that is good for provisioning, and for nothing else. `id` is only its name. */
	async manufactureClaim(id: string, options: { keyType?: KeyType | undefined; endpoint?: string | undefined } = {}): Promise<DeviceIdentity> {
		const { fingerprint, ...identity } = await this.issue(id, options);
		this.backend.registerClaim(fingerprint);
		return identity;
	}
}

export async function createAwsCloud(options: AwsCloudOptions = {}): Promise<AwsCloud> {
	const cloud = new AwsCloud(options.authority ?? await createAuthority(), options);
	if (options.operations !== undefined) await cloud.observe(options.operations);
	return cloud;
}
