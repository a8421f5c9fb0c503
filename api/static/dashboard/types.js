/**
 * What the HTTP API answers, as far as this page reads it. Times are seconds since 1970 unless said otherwise.
 *
 * @typedef {"queued"|"probing"|"planning"|"encoding"|"stitching"|"done"|"failed"|"cancelled"} JobState
 *
 * @typedef {Object} Failure A failed attempt at a task.
 * @property {string} task
 * @property {number} attempt
 * @property {string} worker
 * @property {string} kind
 * @property {string} reason
 * @property {number} at
 *
 * @typedef {Object} Job
 * @property {string} id
 * @property {JobState} state
 * @property {string} tenant
 * @property {number} priority 9 is the most urgent.
 * @property {string} source
 * @property {string} destination
 * @property {Record<string, unknown>} [metadata]
 * @property {Record<string, number>} times By state; `playable` too.
 * @property {string|null} [error_kind]
 * @property {string|null} [error]
 * @property {Failure[]} [failures]
 * @property {number} [retries]
 * @property {string|null} [plan_hash]
 * @property {number} tasks
 * @property {number} tasks_done
 * @property {number} progress 0 to 1.
 * @property {string|null} [master]
 * @property {number|null} [eta_seconds]
 * @property {number|null} [expected_price]
 * @property {string} [profile]
 * @property {string} [publish]
 * @property {string|null} [webhook]
 * @property {string|null} [trace_id]
 * @property {string|null} [player] Path of the player page for this job.
 *
 * @typedef {Object} Jobs
 * @property {Job[]} jobs
 * @property {string|null} next
 *
 * @typedef {"waiting"|"queued"|"running"|"done"|"failed"} TaskState
 *
 * @typedef {Object} Task
 * @property {string} id
 * @property {string} kind
 * @property {number|null} chunk Index of its chunk; null where it makes a whole track.
 * @property {string[]} renditions
 * @property {TaskState} state
 * @property {number} done 0 to 1.
 * @property {number} attempts
 * @property {string|null} worker
 * @property {number|null} started
 * @property {number|null} seconds From its start to its result.
 * @property {number|null} expected_seconds
 * @property {string} [queue]
 *
 * @typedef {Object} Chunk Both in seconds of the film; null where they are not known any more.
 * @property {number} index
 * @property {number|null} start
 * @property {number|null} duration
 *
 * @typedef {Object} Tasks
 * @property {Chunk[]} chunks
 * @property {string[]} renditions
 * @property {Task[]} tasks
 *
 * @typedef {Object} QueueSlots
 * @property {number} total
 * @property {number} busy
 * @property {number} waiting Tasks.
 * @property {number} backlog_slot_seconds
 *
 * @typedef {Object} RunningTask
 * @property {string} job
 * @property {string} task
 * @property {number|null} elapsed Seconds.
 * @property {number|null} done 0 to 1.
 *
 * @typedef {Object} Worker
 * @property {string} id
 * @property {string} host
 * @property {Record<string, number>} slots By queue.
 * @property {string[]} encoders
 * @property {number} seen_seconds_ago
 * @property {number} running Tasks.
 * @property {RunningTask[]} tasks Fewer than `running`, where the token may not see them or there are too many.
 *
 * @typedef {Object} Tenant
 * @property {string} tenant
 * @property {number} weight
 * @property {number} jobs
 * @property {number} queued Tasks that wait.
 * @property {number} running Tasks.
 * @property {number|null} share Of the slots in use, 0 to 1.
 *
 * @typedef {Object} Farm
 * @property {number} now
 * @property {Record<string, QueueSlots>} slots
 * @property {Worker[]} workers
 * @property {{id: string, leads: boolean}[]} schedulers
 * @property {Record<string, number>} jobs Those that have not ended, by state.
 * @property {Tenant[]} tenants
 * @property {Record<string, number>} priorities
 * @property {{waiting: number, dead: number, oldest_seconds: number|null}} webhooks
 * @property {{tasks_per_minute: number, media_seconds_per_second: number}} throughput
 *
 * @typedef {Object} PlannedRendition
 * @property {string} name
 * @property {string} kind video, audio or subtitles.
 * @property {number|null} [width]
 * @property {number|null} [height]
 * @property {number|null} [bitrate] Bits per second, as is the next one.
 * @property {number|null} [maxrate]
 * @property {string|null} [encoder]
 * @property {string|null} [preset]
 * @property {string|null} [language]
 * @property {number|null} [channels]
 *
 * @typedef {Object} SourceVideo
 * @property {string} codec
 * @property {number} width
 * @property {number} height
 * @property {string} [frame_rate]
 *
 * @typedef {Object} SourceTrack
 * @property {string} codec
 * @property {string} [language]
 *
 * @typedef {Object} SourceReport
 * @property {string} [container]
 * @property {number} [duration_seconds]
 * @property {number} [size] Bytes.
 * @property {SourceVideo|null} [video]
 * @property {SourceTrack[]} [audio]
 * @property {SourceTrack[]} [subtitles]
 *
 * @typedef {Object} Plan
 * @property {string} hash
 * @property {string} [format]
 * @property {SourceReport} [source]
 * @property {PlannedRendition[]} [renditions]
 *
 * @typedef {Object} LadderEntry One rendition in job.json.
 * @property {PlannedRendition} planned
 * @property {{bytes: number, average_bitrate: number, peak_bitrate: number}} measured
 * @property {string} [codec]
 * @property {unknown[]} [segments]
 * @property {{psnr: number}|null} [quality] Of luma, in dB.
 *
 * @typedef {Object} ReportTask
 * @property {string} id
 * @property {string} kind
 * @property {number} attempts
 * @property {number} cpu_seconds
 * @property {number} wall_seconds
 *
 * @typedef {Object} Report job.json
 * @property {string} [plan]
 * @property {string} [format]
 * @property {SourceReport} [source]
 * @property {LadderEntry[]} [ladder]
 * @property {ReportTask[]} [tasks]
 * @property {{cpu_seconds?: number, peak_memory_bytes?: number}} [cost]
 *
 * @typedef {Object} Session Whose token this is.
 * @property {string|null} name
 * @property {string[]} scopes
 * @property {string[]|null} tenants
 *
 * @typedef {Object} FarmEvent
 * @property {string} id
 * @property {string} job
 * @property {string} event
 *
 * @typedef {Object} View What the page shows; made anew for each address.
 * @property {string} title
 * @property {number} seconds How often to ask again.
 * @property {(signal: AbortSignal) => Promise<void>} refresh
 * @property {(event: FarmEvent) => boolean} wants Whether an event means that there is something new to show.
 * @property {() => void} close
 */

export {};
