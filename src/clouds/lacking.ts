// SPDX-License-Identifier: Apache-2.0
/** A cloud without any of the services that not every cloud has: what is there, a connection says itself. */
import type { Closer } from "../base/closer.js";
import { DeviceError } from "../base/error.js";
import type { Provisioning } from "../identity/provisioning.js";
import type { Commands } from "../operations/commands.js";
import type { Jobs } from "../operations/jobs.js";
import type { Metrics } from "../operations/metrics.js";
import type { Reports } from "../operations/reports.js";
import type { Download } from "../ota/download.js";

export abstract class Lacking {
	addJobs(_: Jobs): void {
		throw unsupported("jobs");
	}

	addCommands(_: Commands): void {
		throw unsupported("commands");
	}

	addMetrics(_: Metrics): void {
		throw unsupported("metrics");
	}

	addReports(_: Reports): void {
		throw unsupported("reports");
	}

	addProvisioning(_: Provisioning): void {
		throw unsupported("provisioning");
	}

	addDownload(_: string, __: number, ___: Download): Closer {
		throw unsupported("files");
	}
}

function unsupported(service: string): DeviceError {
	return new DeviceError("unsupported", `this cloud has no ${service}`);
}
