"""The leaderboard room."""
