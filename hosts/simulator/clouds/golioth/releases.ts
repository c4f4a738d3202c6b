// SPDX-License-Identifier: Apache-2.0
/**
 * Over-the-air updates: `.u/desired` says what a device shall run, `.u/c/<package>@<version>` is that, and
 * `.u/c/<package>` takes what the device says of it.
 */
import { DeviceError } from "../../../../src/base/error.js";
import { ContentFormat } from "../../../../src/coap/constants.js";
import type { CoAPReply, CoAPRequest } from "../../coap/request.js";
import { decodeMap } from "./codec.js";
import { cborReply, CHANGED, METHOD_NOT_ALLOWED, NOT_FOUND, type GoliothContext, type GoliothService } from "./service.js";

export interface ReleasesOptions {
	/** SHA-256, for manifests. Absent: they say zeros. */
	digest?: ((bytes: Uint8Array) => Uint8Array) | undefined;
}

export interface Artifact {
	readonly package: string;
	readonly version: string;
	readonly bytes: Uint8Array;
	/** Hexadecimal. */
	readonly sha256: string;
	readonly type: string;
}

export interface OtaReport {
	readonly package: string;
	/** 0 idle, 1 downloading, 2 downloaded, 3 updating. */
	readonly state: number;
	readonly reason: number;
	/** That runs, and that it is about. */
	readonly version: string | undefined;
	readonly target: string | undefined;
}

interface Deployment {
	readonly sequence: number;
	readonly artifacts: readonly Artifact[];
}

const NAME = /^[A-Za-z0-9._-]{1,16}$/;
/** Of one device, that are kept. */
const REPORT_MAXIMUM = 1_000;
const NOTHING: Deployment = Object.freeze({ sequence: 0, artifacts: [] });
const ZEROS = new Uint8Array(32);

export class GoliothReleases implements GoliothService {
	readonly segment = ".u";
	/** Runs after a device said how far it is. */
	onReport: ((device: string, report: OtaReport) => void) | undefined;
	/** Requests for blocks of artifacts. */
	blocks = 0;
	readonly #context: GoliothContext;
	readonly #digest: (bytes: Uint8Array) => Uint8Array;
	/** By `package@version`. */
	readonly #artifacts = new Map<string, Artifact>();
	readonly #deployments = new Map<string, Deployment>();
	readonly #reports = new Map<string, OtaReport[]>();

	constructor(context: GoliothContext, { digest = () => ZEROS }: ReleasesOptions = {}) {
		this.#context = context;
		this.#digest = digest;
	}

	/** @throws DeviceError `argument` for what is no name of a package or of a version */
	upload(name: string, version: string, bytes: Uint8Array, { type = "binary", sha256 }: { type?: string; sha256?: string } = {}): Artifact {
		for (const word of [name, version]) if (!NAME.test(word)) throw new DeviceError("argument", `"${word}" is no name of a package, and no version`);
		const artifact: Artifact = { package: name, version, bytes, sha256: sha256 ?? hex(this.#digest(bytes)), type };
		this.#artifacts.set(`${name}@${version}`, artifact);
		return artifact;
	}

	/**
	 * What a device shall run from now on; nothing: all as it is.
	 * @param artifacts `package@version` of those that were uploaded
	 * @returns the manifest's number
	 * @throws DeviceError `argument`
	 */
	deploy(device: string, ...artifacts: string[]): number {
		const found = artifacts.map(name => {
			const artifact = this.#artifacts.get(name);
			if (artifact === undefined) throw new DeviceError("argument", `${name} was not uploaded`);
			return artifact;
		});
		const { sequence: last } = this.#deployments.get(device) ?? NOTHING;
		const sequence = Math.max(last + 1, Math.floor(this.#context.wall() / 1000));
		this.#deployments.set(device, { sequence, artifacts: found });
		this.#context.notify(device, [this.segment]);
		return sequence;
	}

	/** What the device said, oldest first. */
	reports(device: string): readonly OtaReport[] { return this.#reports.get(device) ?? []; }

	handle(device: string, path: readonly string[], request: CoAPRequest): CoAPReply {
		const [kind, name] = path;
		if (kind === "desired" && path.length === 1) return request.method === "GET" ? this.#manifest(device) : METHOD_NOT_ALLOWED;
		if (kind !== "c" || name === undefined || path.length !== 2) return NOT_FOUND;
		if (request.method === "POST") return this.#report(device, name, request);
		if (request.method !== "GET") return METHOD_NOT_ALLOWED;
		const artifact = this.#artifacts.get(name);
		if (artifact === undefined) return NOT_FOUND;
		this.blocks++;
		return { code: "2.05", payload: artifact.bytes, contentFormat: ContentFormat.OCTET_STREAM };
	}

	#manifest(device: string): CoAPReply {
		const { sequence, artifacts } = this.#deployments.get(device) ?? NOTHING;
		const components = artifacts.map(({ package: name, version, bytes, sha256, type }) => new Map<number, unknown>([
			[1, name], [2, version], [3, sha256], [4, bytes.byteLength], [5, `/.u/c/${name}@${version}`], [6, type],
		]));
		return cborReply(this.#context, new Map<number, unknown>([[1, sequence], [2, sequence.toString(16)], [3, components]]));
	}

	#report(device: string, name: string, { payload }: CoAPRequest): CoAPReply {
		const { s: state, r: reason, pkg, v: version, t: target } = decodeMap(payload);
		if (!isCode(state, 3) || !isCode(reason, 11) || pkg !== name) return { code: "4.00" };
		const report: OtaReport = { package: name, state, reason, version: textOf(version), target: textOf(target) };
		const reports = this.#reports.get(device) ?? [];
		this.#reports.set(device, reports);
		reports.push(report);
		if (reports.length > REPORT_MAXIMUM) reports.shift();
		this.onReport?.(device, report);
		return CHANGED;
	}
}

function isCode(value: unknown, maximum: number): value is number {
	return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= maximum;
}

function textOf(value: unknown): string | undefined {
	return typeof value === "string" ? value : undefined;
}

function hex(bytes: Uint8Array): string {
	return Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("");
}
