-- What said which records a bookmark stands for; NULL: not known.
ALTER TABLE runner_bookmark ADD COLUMN asked TEXT;
