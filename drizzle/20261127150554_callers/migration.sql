CREATE TABLE `caller_tokens` (
	`hash` text PRIMARY KEY,
	`call_id` text NOT NULL,
	`user_id` text NOT NULL,
	`number` text NOT NULL,
	`used` text NOT NULL,
	`expires_at` integer NOT NULL,
	CONSTRAINT `fk_caller_tokens_call_id_calls_id_fk` FOREIGN KEY (`call_id`) REFERENCES `calls`(`id`) ON DELETE CASCADE
);
--> statement-breakpoint
CREATE TABLE `callers` (
	`user_id` text NOT NULL,
	`number` text NOT NULL,
	`state` text NOT NULL,
	`state_source` text,
	`state_at` integer,
	`name` text,
	`language` text,
	`knowledge` text,
	`notes` text NOT NULL,
	`outcomes` text NOT NULL,
	`history` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	CONSTRAINT `callers_pk` PRIMARY KEY(`user_id`, `number`)
);
--> statement-breakpoint
CREATE TABLE `documents` (
	`source` text PRIMARY KEY,
	`text` text,
	`fetched_at` integer,
	`checked_at` integer NOT NULL,
	`error` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `caller_tokens_call` ON `caller_tokens` (`call_id`);--> statement-breakpoint
CREATE INDEX `caller_tokens_number` ON `caller_tokens` (`user_id`,`number`);--> statement-breakpoint
CREATE INDEX `caller_tokens_expiry` ON `caller_tokens` (`expires_at`);--> statement-breakpoint
CREATE INDEX `callers_age` ON `callers` (`updated_at`);