CREATE TABLE `assets` (
	`id` integer PRIMARY KEY AUTOINCREMENT,
	`kind` text NOT NULL,
	`key` text NOT NULL,
	`version` text NOT NULL,
	`text` text NOT NULL,
	`source` text NOT NULL,
	`deleted` integer DEFAULT false NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `calls` (
	`id` text PRIMARY KEY,
	`sid` text,
	`direction` text NOT NULL,
	`status` text NOT NULL,
	`from` text NOT NULL,
	`to` text NOT NULL,
	`agent` text NOT NULL,
	`context_key` text,
	`context_version` text,
	`manifest_key` text,
	`manifest_version` text,
	`engine` text NOT NULL,
	`parameters` text NOT NULL,
	`prompt` text,
	`first_message` text,
	`user_id` text,
	`resumes` integer DEFAULT 0 NOT NULL,
	`created_at` integer NOT NULL,
	`answered_at` integer,
	`ended_at` integer,
	`duration_seconds` integer,
	`ended_by` text,
	`end_reason` text,
	`idempotency_key` text,
	`request_hash` text,
	`socket_token` text,
	`socket_token_expires_at` integer,
	`socket_claimed_at` integer,
	`session_id` text,
	`last_status_sequence` integer
);
--> statement-breakpoint
CREATE TABLE `conversations` (
	`id` text PRIMARY KEY,
	`user_id` text,
	`agent` text NOT NULL,
	`parameters` text NOT NULL,
	`turns` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `events` (
	`id` integer PRIMARY KEY AUTOINCREMENT,
	`call_id` text NOT NULL,
	`call_sid` text,
	`at` integer NOT NULL,
	`event` text NOT NULL,
	CONSTRAINT `fk_events_call_id_calls_id_fk` FOREIGN KEY (`call_id`) REFERENCES `calls`(`id`) ON DELETE CASCADE
);
--> statement-breakpoint
CREATE TABLE `receipts` (
	`fingerprint` text PRIMARY KEY,
	`kind` text NOT NULL,
	`idempotency_token` text,
	`answer` text,
	`at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `turns` (
	`id` text PRIMARY KEY,
	`call_id` text NOT NULL,
	`seq` integer NOT NULL,
	`kind` text NOT NULL,
	`speaker` text NOT NULL,
	`text` text NOT NULL,
	`interrupted` integer NOT NULL,
	`lang` text,
	`started_at` integer NOT NULL,
	`ended_at` integer,
	`latency` text,
	`tool` text,
	CONSTRAINT `fk_turns_call_id_calls_id_fk` FOREIGN KEY (`call_id`) REFERENCES `calls`(`id`) ON DELETE CASCADE
);
--> statement-breakpoint
CREATE INDEX `assets_of_key` ON `assets` (`kind`,`key`,`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `calls_sid` ON `calls` (`sid`);--> statement-breakpoint
CREATE UNIQUE INDEX `calls_socket_token` ON `calls` (`socket_token`);--> statement-breakpoint
CREATE UNIQUE INDEX `calls_idempotency` ON `calls` (coalesce("user_id", ''),`idempotency_key`);--> statement-breakpoint
CREATE INDEX `calls_newest` ON `calls` (`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `calls_of_user` ON `calls` (`user_id`,`created_at`);--> statement-breakpoint
CREATE INDEX `calls_status` ON `calls` (`status`);--> statement-breakpoint
CREATE INDEX `conversations_expiry` ON `conversations` (`expires_at`);--> statement-breakpoint
CREATE INDEX `events_of_call` ON `events` (`call_id`,`id`);--> statement-breakpoint
CREATE INDEX `receipts_age` ON `receipts` (`at`);--> statement-breakpoint
CREATE INDEX `turns_of_call` ON `turns` (`call_id`,`seq`);