// SPDX-License-Identifier: Apache-2.0
/**
 * Where a device lives for a run: a directory that is its flash, an identity in it, and a cloud to talk to.
 *
 * Without a broker the cloud is embedded: broker and services in this process, on a port of the loopback interface that
 * the system chooses. Directory `cloud` beside the device's own files keeps that cloud's authority.
 */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority } from "../authority.js";
import { type Cloud, createCloud } from "../cloud.js";
import { type Console, UsageError } from "./console.js";
import { follow } from "./follow.js";
import { hasIdentity, type Identity, type IdentityFiles, readIdentity, storeIdentity } from "./identity.js";
import { nameOf } from "./program.js";
import { wayOf, type Protocol } from "./schemes.js";

export interface SiteOptions extends IdentityFiles {
	broker?: string | undefined;
	id?: string | undefined;
	directory?: string | undefined;
	protocol: Protocol;
}

export interface Site {
	/** The device's own. */
	readonly directory: string;
	/** For the files of this run. */
	readonly scratch: string;
	/** The embedded cloud, where there is one. */
	readonly cloud: Cloud | undefined;
	close(): Promise<void>;
}

/** @param file the program, for the name of a device that has none */
export async function openSite(options: SiteOptions, file: string, output: Console): Promise<Site> {
	const identity = await readIdentity(options);
	const id = options.id ?? identity.id;
	const scratch = await mkdtemp(join(tmpdir(), "moorline-"));
	const directory = options.directory ?? join(scratch, "device");
	let cloud: Cloud | undefined;
	const close = async (): Promise<void> => {
		await cloud?.close();
		await rm(scratch, { recursive: true, force: true });
	};
	try {
		if (options.broker !== undefined) {
			enrol(directory, { ...identity, id, endpoint: options.broker });
		} else if (existsSync(join(directory, "cloud")) || !hasIdentity(directory)) {
			cloud = await embed(directory, id ?? nameOf(file), options.protocol, output);
		}
	} catch (error) {
		await close();
		throw error;
	}
	return { directory, scratch, cloud, close };
}

/** What is not given now may be in the directory from an earlier run. */
function enrol(directory: string, identity: Identity): void {
	if (identity.id === undefined && !hasIdentity(directory)) {
		throw new UsageError("--broker needs --id, or --cert with --key, to know who the device is");
	}
	storeIdentity(directory, identity);
}

async function embed(directory: string, id: string, protocol: Protocol, output: Console): Promise<Cloud> {
	const { options, portOf, isPlain } = wayOf(protocol);
	const cloud = await createCloud({ authority: await createAuthority({ directory: join(directory, "cloud") }) });
	let endpoint: string;
	try {
		const server = await cloud.serve({
			...options, onRefused: reason => output.note("refused", { reason }, `cloud: a connection was refused: ${reason}`),
		});
		endpoint = `${protocol}://localhost:${portOf(server)}`;
		storeIdentity(directory, { ...await cloud.manufacture(id, { endpoint, oscore: isPlain }) });
	} catch (error) {
		await cloud.close();
		throw error;
	}
	output.note("cloud", { endpoint, device: id }, `cloud: ${id} was manufactured for ${endpoint}${isPlain ? ", under OSCORE" : ""}`);
	follow(cloud, (event, fields, text) => output.note(event, fields, `cloud: ${text}`));
	return cloud;
}
