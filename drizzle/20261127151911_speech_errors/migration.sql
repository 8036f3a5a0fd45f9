ALTER TABLE `calls` ADD `speech_errors` text;--> statement-breakpoint
DROP INDEX IF EXISTS `caller_tokens_call`;--> statement-breakpoint
DROP INDEX IF EXISTS `caller_tokens_number`;--> statement-breakpoint
DROP INDEX IF EXISTS `caller_tokens_expiry`;--> statement-breakpoint
DROP INDEX IF EXISTS `callers_age`;--> statement-breakpoint
DROP TABLE `caller_tokens`;--> statement-breakpoint
DROP TABLE `callers`;--> statement-breakpoint
DROP TABLE `documents`;