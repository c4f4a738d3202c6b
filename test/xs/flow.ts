// SPDX-License-Identifier: Apache-2.0
/** `programs/thing.ts` and its cloud: simulated AWS on TLS, which does its part as the device comes along. */
import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createHost } from "../../hosts/node/index.js";
import { Certificates } from "../../hosts/simulator/clouds/aws/certificates.js";
import { AwsServices } from "../../hosts/simulator/clouds/aws/services.js";
import {
	createAuthority, createAwsCloud, IDENTITY_DOMAIN, writeIdentity, type AwsCloud,
} from "../../hosts/simulator/index.js";
import { packageRoot, type Bits } from "../../hosts/xs/node/build.js";
import { runXS, sdkModules, type RunResult } from "../../hosts/xs/node/run.js";
import type { KeyType } from "../../src/host.js";
import { readCredentials, type Credentials } from "../../src/identity/credentials.js";

export const TEMPLATE = "lamps";
/** What both shadows say first. */
const SYNCED = ["in sync", "network in sync"];
const JOB = "repaint";
const LIMIT_MS = 60_000;
const PROGRAM = join(packageRoot, "dist/test/xs/programs/thing.js");

export interface FlowOptions {
	bits: Bits;
	/** Of the key that the device makes; absent: AWS makes it. */
	keyType?: KeyType | undefined;
	/** Empty, and of this device alone. */
	directory: string;
	arena?: number;
	stack?: number;
	onLine?(line: string): void;
}

/** A device's outcome. */
export interface Flow extends RunResult {
	lines: string[];
	/** The command was answered: all was done. */
	complete: boolean;
	thing: string;
	credentials: Credentials;
}

export class FlowCloud {
	readonly cloud: AwsCloud;
	readonly services: AwsServices;
	#devices = 0;

	/** Use `make`. */
	private constructor(cloud: AwsCloud, services: AwsServices) {
		this.cloud = cloud;
		this.services = services;
	}

	static async make(): Promise<FlowCloud> {
		const authority = await createAuthority();
		let services!: AwsServices;
		let serial = 0;
		const cloud: AwsCloud = await createAwsCloud({
			authority, limits: { connectsPerSecond: Infinity },
			services: [(context) => services = new AwsServices(context, {
				provisioning: {
					issuer: new Certificates(authority), newToken: randomUUID,
					templates: {
						[TEMPLATE]: {
							parameters: ["SerialNumber"], thingName: ({ SerialNumber }) => `lamp-${SerialNumber}-${100 + serial++}`,
							deviceConfiguration: { colour: "warm" },
						},
					},
					onRegistered: (thing, certificateId) => { cloud.registry.register(thing, certificateId); },
				},
			})],
		});
		await cloud.serve({ tlsPort: 0 });
		return new FlowCloud(cloud, services);
	}

	close(): Promise<void> {
		return this.cloud.close();
	}

	/** The day of one device, until all was done or it ended otherwise. */
	async run({ bits, keyType = "" as KeyType, directory, onLine, ...options }: FlowOptions): Promise<Flow> {
		const { shadows } = this.cloud;
		const { jobs, commands } = this.services;
		mkdirSync(directory, { recursive: true });
		const storage = createHost({ directory }).storage.open({ path: IDENTITY_DOMAIN });
		writeIdentity(storage, await this.cloud.manufactureClaim(`claim-${100 + this.#devices++}`));
		storage.close();
		const lines: string[] = [];
		const done = new AbortController();
		const limit = AbortSignal.timeout(LIMIT_MS);
		let thing = "";
		let boots = 0;
		let isWorking = false;
		commands.onChanged = ({ status }) => { if (status === "SUCCEEDED") done.abort(); };
		const result = await runXS({
			...options, bits, program: PROGRAM, arguments: [keyType], directory, preload: sdkModules(),
			signal: AbortSignal.any([done.signal, limit]),
			onStart: () => {
				// Before the second boot can connect: what the cloud wanted while the device was away.
				if (++boots === 2) shadows.desire(thing, { brightness: 70, starts: 10, colour: { hue: 200 } });
			},
			onLine: (line) => {
				lines.push(line);
				onLine?.(line);
				const [, provisioned] = /^provisioned (.*)$/.exec(line) ?? [];
				if (provisioned !== undefined) thing = provisioned;
				if (!isWorking && SYNCED.every((word) => lines.some((said) => said.startsWith(word)))) {
					isWorking = true;
					shadows.desire(thing, { servers: ["10.0.0.1", "10.0.0.2"] }, { name: "network" });
					jobs.create({ jobId: `${JOB}-${thing}`, document: { restart: true, paint: "red" }, things: [thing] });
				}
				if (line.startsWith("job ") && line.endsWith(" SUCCEEDED")) {
					const payload = new TextEncoder().encode(JSON.stringify({ blink: 3, foreign: 1 }));
					commands.send({ thing }, { payload, contentType: "application/json" });
				}
			},
		});
		const complete = done.signal.aborted;
		commands.onChanged = undefined;
		return { ...result, lines, complete, thing, credentials: readCredentials(createHost({ directory })) };
	}

	jobStatus(thing: string): string | undefined {
		return this.services.jobs.execution(thing, `${JOB}-${thing}`)?.status;
	}
}
