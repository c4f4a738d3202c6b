// SPDX-License-Identifier: Apache-2.0
/** What a cloud notices, while it notices: who comes and goes, whose shadow changed, and how far jobs are. */
import type { AwsServices } from "../clouds/aws/services.js";
import type { AwsShadows } from "../clouds/aws/shadow.js";
import type { JobService } from "../services/jobs.js";
import type { Registry } from "../services/registry.js";
import type { ShadowService } from "../services/shadow.js";

export type Say = (event: string, fields: object, text: string) => void;

export function follow(cloud: { registry: Registry; shadows: ShadowService }, say: Say): void {
	followRegistry(cloud.registry, say);
	cloud.shadows.onChanged = (id, { version, desired, reported }, changed, name) => {
		const section = changed === "desired" ? desired : reported;
		const text = `${id}${name === "" ? "" : ` ${name}`} ${changed} version ${version}: ${JSON.stringify(section)}`;
		say("shadow", { device: id, shadow: name === "" ? undefined : name, changed, version, desired, reported }, text);
	};
}

export function followAws(cloud: { registry: Registry; shadows: AwsShadows }, say: Say): void {
	followRegistry(cloud.registry, say);
	cloud.shadows.onChanged = ({ thing, name }, document) => {
		const shadow = name === undefined ? `${thing} shadow` : `${thing} shadow ${name}`;
		if (!document) return say("shadow", { device: thing, name, deleted: true }, `${shadow} was deleted`);
		const { version, state } = document;
		say("shadow", { device: thing, name, version, ...state }, `${shadow} version ${version}: ${JSON.stringify(state)}`);
	};
}

export function followJobs(jobs: JobService, say: Say): void {
	const tell = teller(say);
	jobs.onChanged = (device, { id, status, details }) => { tell(device, id, status, details); };
}

export function followAwsJobs({ jobs }: AwsServices, say: Say): void {
	const tell = teller(say);
	jobs.onChanged = (thing, { jobId, status, statusDetails }) => { tell(thing, jobId, status, statusDetails); };
}

/** Says how far a job is, once it has begun, and nothing twice. */
function teller(say: Say): (device: string, job: string, status: string, details: object | undefined) => void {
	const last = new Map<string, string>();
	return (device, job, status, details = {}) => {
		const key = `${device}/${job}`, text = `${device} ${job} ${status}${Object.keys(details).length === 0 ? "" : ` ${JSON.stringify(details)}`}`;
		if (status === "QUEUED" || last.get(key) === text) return;
		last.set(key, text);
		say("job", { device, job, status, details }, text);
	};
}

function followRegistry(registry: Registry, say: Say): void {
	registry.onChanged = ({ id, online }) => {
		const event = online ? "online" : "offline";
		say(event, { device: id }, `${id} is ${event}`);
	};
}
