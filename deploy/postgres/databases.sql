-- Run once, when the server's volume is empty: a role and a database for each service, closed to all others.
\getenv orders ORDERS_DATABASE_PASSWORD
\getenv shipping SHIPPING_DATABASE_PASSWORD
\getenv documents DOCUMENTS_DATABASE_PASSWORD
\getenv notifications NOTIFICATIONS_DATABASE_PASSWORD

create role orders login password :'orders';
create role shipping login password :'shipping';
create role documents login password :'documents';
create role notifications login password :'notifications';

create database orders owner orders;
create database shipping owner shipping;
create database documents owner documents;
create database notifications owner notifications;

revoke all on database postgres, template1, orders, shipping, documents, notifications from public;
