// SPDX-License-Identifier: Apache-2.0
/** What a cloud notices, while it notices: who comes and goes, whose shadow changed, and how far jobs are. */
import type { CloudChannel } from "../channel.js";
import type { AwsServices } from "../clouds/aws/services.js";
import type { AwsShadows } from "../clouds/aws/shadow.js";
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

/** What is followed of a job, on any cloud. */
interface FollowedJob {
	readonly id: string;
	readonly status: string;
	readonly details?: object | undefined;
}

/** @param channel of the broker that the services were attached to before: they hear of each message first */
export function followJobs(jobs: { list(device: string): readonly FollowedJob[] }, channel: CloudChannel, say: Say): void {
	const told = new JobsTold(device => jobs.list(device), say);
	for (const verb of ["next", "update"]) channel.subscribe(`moorline/+/jobs/${verb}`, topic => told.look(topic.split("/")[1]!));
}

/** @param channel as for `followJobs` */
export function followAwsJobs(services: AwsServices, channel: CloudChannel, say: Say): void {
	const told = new JobsTold(thing => services.jobs.executions(thing).map(({ jobId: id, status, statusDetails: details }) => ({ id, status, details })), say);
	channel.subscribe("$aws/things/+/jobs/#", topic => told.look(topic.split("/")[2]!));
}

/** Says of jobs what was not said before. */
class JobsTold {
	readonly #list: (device: string) => readonly FollowedJob[];
	readonly #say: Say;
	/** What was said last, by device and job. */
	readonly #last = new Map<string, string>();

	constructor(list: (device: string) => readonly FollowedJob[], say: Say) {
		this.#list = list;
		this.#say = say;
	}

	look(device: string): void {
		for (const { id: job, status, details = {} } of this.#list(device)) {
			const key = `${device}/${job}`, text = `${device} ${job} ${status}${Object.keys(details).length === 0 ? "" : ` ${JSON.stringify(details)}`}`;
			if (status === "QUEUED" || this.#last.get(key) === text) continue;
			this.#last.set(key, text);
			this.#say("job", { device, job, status, details }, text);
		}
	}
}

function followRegistry(registry: Registry, say: Say): void {
	registry.onChanged = ({ id, online }) => {
		const event = online ? "online" : "offline";
		say(event, { device: id }, `${id} is ${event}`);
	};
}
