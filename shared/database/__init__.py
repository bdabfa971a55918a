"""PostgreSQL: models, repositories and the unit of work; nobody else imports SQLAlchemy."""
