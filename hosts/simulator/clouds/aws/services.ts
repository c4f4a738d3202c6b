// SPDX-License-Identifier: Apache-2.0
/** Everything that the simulated AWS has for devices beside shadows, as one service for the cloud to ask. */
import { CommandsService, type CommandsOptions } from "./commands.js";
import { DefenderService, type DefenderOptions } from "./defender.js";
import { IngestService } from "./ingest.js";
import type { JobsLimits } from "./job.js";
import { JobsService } from "./jobs.js";
import { ProvisioningService, type ProvisioningOptions } from "./provisioning.js";
import type { AwsContext, AwsMessage, AwsService } from "./service.js";
import { StreamsService, type StreamsOptions } from "./streams.js";

export interface AwsServicesOptions {
	jobsLimits?: Partial<JobsLimits> | undefined;
	streams?: StreamsOptions | undefined;
	defender?: DefenderOptions | undefined;
	commands?: CommandsOptions | undefined;
	/** Names of the rules of Basic Ingest. */
	rules?: readonly string[] | undefined;
	/** Absent: nobody can provision himself. */
	provisioning?: ProvisioningOptions | undefined;
}

export class AwsServices implements AwsService {
	readonly jobs: JobsService;
	readonly streams: StreamsService;
	readonly defender: DefenderService;
	readonly commands: CommandsService;
	readonly ingest: IngestService;
	readonly #all: readonly AwsService[];

	constructor(context: AwsContext, options: AwsServicesOptions = {}) {
		const { jobsLimits, streams, defender, commands, rules = [], provisioning } = options;
		this.jobs = new JobsService(context, jobsLimits);
		this.streams = new StreamsService(context, streams);
		this.defender = new DefenderService(context, defender);
		this.commands = new CommandsService(context, commands);
		this.ingest = new IngestService(rules);
		const all = [this.jobs, this.streams, this.defender, this.commands, this.ingest];
		this.#all = provisioning === undefined ? all : [...all, new ProvisioningService(context, provisioning)];
	}

	get deadline(): number {
		return Math.min(...this.#all.map(service => service.deadline));
	}

	receive(message: AwsMessage): boolean {
		return this.#all.some(service => service.receive(message));
	}

	expire(now: number): void {
		for (const service of this.#all) service.expire(now);
	}
}
