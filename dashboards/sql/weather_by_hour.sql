-- Departures and weather of each hour at one airport.
-- Both tables are partitioned by date, so both get a filter on their date: BigQuery prunes each on its own.
SELECT
  f.time_hour,
  AVG(f.dep_delay) AS delay,
  COUNT(*) AS flights,
  ANY_VALUE(w.wind_speed) AS wind_speed,
  ANY_VALUE(w.precip) AS rainfall,
  ANY_VALUE(w.visib) AS visibility
FROM flights AS f
JOIN weather AS w ON w.origin = f.origin AND w.time_hour = f.time_hour
WHERE f.origin = @origin
  AND f.flight_date BETWEEN '2013-01-01' AND '2013-12-31'
  AND w.weather_date BETWEEN '2013-01-01' AND '2013-12-31'
GROUP BY f.time_hour
HAVING COUNT(f.dep_delay) >= 5
ORDER BY delay DESC, time_hour
