-- Tables beside one another.
SELECT f.flight, a.name FROM flights AS f JOIN airlines AS a ON a.carrier = f.carrier;
SELECT flight, name FROM flights INNER JOIN airlines ON airlines.carrier = flights.carrier;
SELECT f.carrier, a.name FROM flights f LEFT JOIN airlines a USING (carrier);
SELECT carrier, name FROM flights JOIN airlines USING (carrier); -- differs: using
SELECT * FROM airlines JOIN (SELECT carrier, COUNT(*) AS n FROM flights GROUP BY carrier) USING (carrier); -- differs: using
SELECT carrier FROM flights FULL JOIN airlines USING (carrier);
SELECT o.name AS origin, d.name AS dest FROM flights AS f JOIN airports AS o ON o.faa = f.origin JOIN airports AS d ON d.faa = f.dest;
SELECT f.* FROM flights AS f CROSS JOIN airlines;
SELECT f.origin, w.temp FROM flights AS f LEFT JOIN weather AS w ON w.origin = f.origin AND w.time_hour = f.time_hour;
SELECT a.carrier, b.carrier AS other FROM airlines AS a JOIN airlines AS b ON a.carrier < b.carrier;
SELECT a.name FROM airlines AS a, flights AS f WHERE a.carrier = f.carrier;
SELECT name FROM airlines WHERE carrier IN (SELECT carrier FROM flights WHERE dep_delay > 60);
SELECT name FROM airlines AS a WHERE NOT EXISTS (SELECT 1 FROM flights AS f WHERE f.carrier = a.carrier);
SELECT name, (SELECT COUNT(*) FROM flights AS f WHERE f.carrier = a.carrier) AS n FROM airlines AS a;
SELECT name, (SELECT AVG(dep_delay) FROM flights WHERE flights.carrier = airlines.carrier) AS delay FROM airlines;
SELECT t.* FROM (flights AS f JOIN airlines AS t ON t.carrier = f.carrier);
SELECT f.flight, p.model FROM flights AS f JOIN (planes AS p JOIN airports AS x ON x.tz = p.year) ON p.tailnum = f.tailnum;
SELECT a.name, p.seats FROM flights AS f JOIN airlines AS a JOIN planes AS p ON p.engines > 1 ON a.carrier = f.carrier;
SELECT nyc.flights.carrier FROM nyc.flights; -- left to the dry run: names
SELECT flights.flight, airlines.* FROM nyc.flights JOIN nyc.airlines ON flights.carrier = airlines.carrier;
SELECT MAX(f.dep_delay) AS worst FROM flights AS f RIGHT JOIN airlines AS a ON a.carrier = f.carrier GROUP BY a.name;
SELECT x.carrier FROM (SELECT carrier FROM flights) AS x JOIN (SELECT carrier FROM airlines) AS y ON x.carrier = y.carrier;
SELECT z FROM (SELECT carrier AS z FROM flights) JOIN (SELECT name FROM airlines) ON z = name;
SELECT origin FROM flights JOIN weather ON flights.hour = weather.hour; -- left to the dry run: names
SELECT nope FROM flights; -- left to the dry run: names
