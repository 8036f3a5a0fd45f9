CREATE TABLE `time_scale` (
	`id` integer PRIMARY KEY,
	`ahead_ms` integer NOT NULL
);
