#!/usr/bin/perl
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What python_client.py does, by Sys::Virt: as far as that reaches, which has no functions
# for QEMU alone.
use strict;
use warnings;

use JSON::PP;
use Sys::Virt;
use Sys::Virt::Domain;
use Sys::Virt::Event;

$| = 1;
my $json = JSON::PP->new->allow_nonref->canonical;

sub tell_all {
    print $json->encode([@_]), "\n";
}

sub truth {
    return $_[0] ? JSON::PP::true : JSON::PP::false;
}

sub refused {
    my ($function) = @_;

    eval { $function->(); 1 } and return undef;
    my $err = $@;
    die $err unless ref $err;
    return [$err->code + 0, $err->domain + 0, $err->message];
}

sub state_of {
    my @state = $_[0]->get_state();
    return [map { $_ + 0 } @state];
}

sub calls {
    my ($uri, $name) = @_;
    my $conn = Sys::Virt->new(uri => $uri);
    my $dom = $conn->get_domain_by_name($name);

    tell_all("type", $conn->get_type());
    tell_all("uri", truth($conn->get_uri() eq $uri));
    tell_all("alive", $conn->is_alive() + 0, $conn->is_secure() + 0, $conn->is_encrypted() + 0);
    tell_all("versions", $conn->get_library_version() + 0, int($conn->get_version() / 1000000));
    my @ids = map { $_ + 0 } $conn->list_domain_ids($conn->num_of_domains());
    tell_all("ids", \@ids, $conn->num_of_domains() + 0);
    tell_all("defined", [$conn->list_defined_domain_names(0)],
             $conn->num_of_defined_domains() + 0);
    tell_all("all", [map { $_->get_name() } $conn->list_all_domains()],
             [$conn->list_all_domains(Sys::Virt::Domain::LIST_PAUSED)]);
    tell_all("found", $conn->get_domain_by_id($dom->get_id())->get_name(),
             map { $conn->get_domain_by_uuid($_)->get_name() }
                 $dom->get_uuid(), $dom->get_uuid_string());
    tell_all("active", $dom->is_active() + 0, $dom->is_persistent() + 0, $dom->is_updated() + 0);
    my $info = $dom->get_info();
    tell_all("state", state_of($dom), [$info->{state} + 0], $info->{nrVirtCpu} + 0);
    tell_all("memory", $dom->get_max_memory() + 0, $dom->get_max_vcpus() + 0,
             $dom->get_os_type(), $dom->get_autostart() + 0);
    my $xml = $dom->get_xml_description();
    tell_all("xml", truth($xml =~ /<name>\Q$name\E<\/name>/),
             truth(index($xml, $dom->get_uuid_string()) >= 0));
    $dom->suspend();
    tell_all("suspend", 0, state_of($dom), [$dom->get_info()->{state} + 0]);
    $dom->resume();
    tell_all("resume", 0, state_of($dom));
    $dom->reset();
    tell_all("reset", 0);
    tell_all("refused", refused(sub { $conn->get_domain_by_name("nosuch") }),
             refused(sub { $conn->get_domain_by_id(77) }), refused(sub { $dom->resume() }));
    undef $dom;
    undef $conn;
    tell_all("closed", 0);
}

sub read_only {
    my ($uri, $name) = @_;
    my $conn = Sys::Virt->new(uri => $uri, readonly => 1);
    my $dom = $conn->get_domain_by_name($name);

    tell_all("list", [map { $_->get_name() } $conn->list_all_domains()]);
    for my $function (qw(suspend resume reset shutdown destroy)) {
        tell_all($function, refused(sub { $dom->$function() }));
    }
    tell_all("XMLDesc", refused(sub {
        $dom->get_xml_description(Sys::Virt::Domain::XML_SECURE) }));
    undef $dom;
    undef $conn;
    tell_all("closed", 0);
}

# Until somebody writes to stdin.
sub events {
    my ($uri, $name) = @_;
    my $ends = 0;

    Sys::Virt::Event::register_default();
    my $conn = Sys::Virt->new(uri => $uri);
    my @numbers = (
        $conn->domain_event_register_any(
            undef, Sys::Virt::Domain::EVENT_ID_LIFECYCLE, sub {
                my (undef, $dom, $event, $detail) = @_;
                tell_all("lifecycle", $dom->get_name(), $event + 0, $detail + 0);
            }),
        $conn->domain_event_register_any(
            undef, Sys::Virt::Domain::EVENT_ID_REBOOT, sub {
                my (undef, $dom) = @_;
                tell_all("reboot", $dom->get_name());
            }));
    my $handle = Sys::Virt::Event::add_handle(0, Sys::Virt::Event::HANDLE_READABLE,
                                              sub { $ends = 1 });
    tell_all("registered", @numbers);
    Sys::Virt::Event::run_default() while !$ends;
    Sys::Virt::Event::remove_handle($handle);
    $conn->domain_event_deregister_any($_) for @numbers;
    undef $conn;
    tell_all("closed", 0);
}

# As JSON has it, and python_client.py tells it.
sub plain {
    my ($value) = @_;

    if (ref $value eq "ARRAY") {
        return [map { plain($_) } @$value];
    }
    if (ref $value eq "HASH") {
        return [@$value{qw(family node service)}] if exists $value->{service};
        return [@$value{qw(type name)}] if exists $value->{type} && keys %$value == 2;
    }
    return $value;
}

# Domain events of all kinds, until somebody writes to stdin.
sub typed {
    my ($uri, $name) = @_;
    my $ends = 0;

    Sys::Virt::Event::register_default();
    my $conn = Sys::Virt->new(uri => $uri);
    my @numbers = map {
        my $kind = $_;
        $conn->domain_event_register_any(undef, $kind, sub {
            my (undef, $dom, @arguments) = @_;
            tell_all("typed", $kind, $dom->get_name(), plain(\@arguments));
        });
    } 0 .. Sys::Virt::Domain::EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE;
    my $handle = Sys::Virt::Event::add_handle(0, Sys::Virt::Event::HANDLE_READABLE,
                                              sub { $ends = 1 });
    tell_all("registered", scalar @numbers, $name);
    Sys::Virt::Event::run_default() while !$ends;
    Sys::Virt::Event::remove_handle($handle);
    $conn->domain_event_deregister_any($_) for @numbers;
    undef $conn;
    tell_all("closed", 0);
}

my ($scenario, $uri, $name) = @ARGV;
my %scenarios = ("calls" => \&calls, "read-only" => \&read_only, "events" => \&events,
                 "typed" => \&typed);
$scenarios{$scenario}->($uri, $name);
