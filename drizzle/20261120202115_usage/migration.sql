CREATE TABLE `jobs` (
	`id` text PRIMARY KEY,
	`kind` text NOT NULL,
	`call_id` text,
	`payload` text NOT NULL,
	`due_at` integer NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`state` text DEFAULT 'waiting' NOT NULL,
	`last_error` text,
	`created_at` integer NOT NULL,
	`done_at` integer,
	CONSTRAINT `fk_jobs_call_id_calls_id_fk` FOREIGN KEY (`call_id`) REFERENCES `calls`(`id`) ON DELETE CASCADE
);
--> statement-breakpoint
CREATE TABLE `outcomes` (
	`call_id` text PRIMARY KEY,
	`status` text NOT NULL,
	`data` text,
	`error` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	CONSTRAINT `fk_outcomes_call_id_calls_id_fk` FOREIGN KEY (`call_id`) REFERENCES `calls`(`id`) ON DELETE CASCADE
);
--> statement-breakpoint
CREATE TABLE `usage` (
	`call_id` text NOT NULL,
	`kind` text NOT NULL,
	`model` text NOT NULL,
	`amounts` text NOT NULL,
	`cost` real,
	`updated_at` integer NOT NULL,
	CONSTRAINT `usage_pk` PRIMARY KEY(`call_id`, `kind`, `model`),
	CONSTRAINT `fk_usage_call_id_calls_id_fk` FOREIGN KEY (`call_id`) REFERENCES `calls`(`id`) ON DELETE CASCADE
);
--> statement-breakpoint
CREATE INDEX `jobs_due` ON `jobs` (`state`,`due_at`);--> statement-breakpoint
CREATE INDEX `jobs_of_call` ON `jobs` (`call_id`);